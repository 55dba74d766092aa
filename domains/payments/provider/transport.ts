import { Agent, request } from 'undici';
import { ProviderUnavailable } from './provider';

export interface TransportOptions {
  /** Where the provider is, such as `https://api.provider.example`. */
  url: string;
  /** Sent as a bearer token. */
  key: string | undefined;
  /** For a whole call, from connecting to the last byte read, in milliseconds. */
  timeoutMs: number;
}

/** A conclusive answer: its status is below 500, and not 408, 425 or 429. */
export interface ProviderAnswer {
  status: number;
  /** Parsed JSON; `undefined` when the body is not JSON. */
  body: unknown;
}

export type ProviderCall = (
  method: 'GET' | 'POST',
  path: string,
  body?: object,
  idempotencyKey?: string,
) => Promise<ProviderAnswer>;

const MAX_ANSWER_BYTES = 65_536;
const CONNECTIONS = 128;

/** The provider asks us to wait, or says that another call with the same key is in progress. */
const PASSING = new Set([408, 425, 429]);
const KEY_IN_USE = 'idempotency_key_in_use';

/**
 * Makes calls with a deadline. Redirects are not followed.
 *
 * A call throws ProviderUnavailable when its outcome is unknown.
 */
export function createTransport({ url, key, timeoutMs }: TransportOptions): ProviderCall {
  const dispatcher = new Agent({ connections: CONNECTIONS, connectTimeout: timeoutMs });
  const base = url.replace(/\/+$/, '');

  return async (method, path, body, idempotencyKey) => {
    try {
      const response = await request(base + path, {
        method,
        dispatcher,
        headers: {
          accept: 'application/json',
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs),
      });
      const text = await readBounded(response.body);
      const { statusCode: status } = response;
      const parsed = parse(text);
      if (status >= 500 || PASSING.has(status) || (status === 409 && text.includes(KEY_IN_USE))) {
        throw new ProviderUnavailable(`the provider answered ${status}`);
      }
      return { status, body: parsed };
    } catch (error) {
      if (error instanceof ProviderUnavailable) throw error;
      throw new ProviderUnavailable(reasonOf(error), { cause: error });
    }
  };
}

async function readBounded(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES) throw new ProviderUnavailable('the provider answered too much');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  const { name, code } =
    typeof error === 'object' && error !== null ? (error as { name?: unknown; code?: unknown }) : {};
  if (name === 'TimeoutError') return 'the provider did not answer in time';
  return `the provider could not be reached: ${typeof code === 'string' ? code : 'unknown'}`;
}
