import type { PublicId } from '../../../core/ids';
import type { GuardedClient, ReceivedAnswer } from '../../../infra/http/guarded-client';
import type { AttemptResult } from '../rules/attempt-outcome';
import { sign } from '../rules/signature';
import type { EndpointConfig } from './endpoint-config-cache';
import { withoutSecrets } from './without-secrets';

const USER_AGENT = 'Waybill/1 (+https://www.standardwebhooks.com)';

/** One request to a receiver and what came back. */
export interface AttemptReport {
  result: AttemptResult;
  startedAt: Date;
  durationMs: number;
  /** A code such as `timeout` or `http-503`; undefined after a 2xx. */
  error: string | undefined;
  /** What was wrong, in a sentence; also of a success whose answer was not as it should be. */
  errorDetail: string | undefined;
  responseBody: string | undefined;
  /** Whether the timeout passed before the answer was whole. */
  timedOut: boolean;
}

/** What a request is made from. */
type Sendable = Omit<EndpointConfig, 'circuit' | 'fallbackUrl'>;

/** Stands for an attempt that could not be made because the endpoint's configuration cannot be used. */
export function unreadableReport(): AttemptReport {
  const code = 'endpoint-unreadable';
  return {
    result: { kind: 'error', code },
    startedAt: new Date(),
    durationMs: 0,
    error: code,
    errorDetail:
      "nothing was sent: the endpoint's secrets or headers cannot be read, because the key that they were encrypted with " +
      'is missing, or no secret is left',
    responseBody: undefined,
    timedOut: false,
  };
}

/** Signs a message for an endpoint and sends it once, as Standard Webhooks says. */
export async function attempt(
  client: GuardedClient,
  endpoint: Sendable,
  messageId: PublicId,
  body: string,
): Promise<AttemptReport> {
  const startedMs = Date.now();
  const timestamp = Math.floor(startedMs / 1000);
  const keys: Buffer[] = [];
  for (const { key, expiresAtMs } of endpoint.keys) if (expiresAtMs > startedMs) keys.push(key);
  const signature = sign(keys, messageId, timestamp, body);
  const answer = await client.send({
    url: endpoint.url,
    method: 'POST',
    headers: headersOf(endpoint, {
      'content-type': 'application/json',
      'user-agent': USER_AGENT,
      'webhook-id': messageId,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signature,
    }),
    body,
    timeoutMs: endpoint.timeoutMs,
  });
  const made = { startedAt: new Date(startedMs), durationMs: answer.durationMs };
  const clean = (text: string, cut = false) => withoutSecrets(text, endpoint, { signature, cut });
  if (answer.ok) return { ...made, ...answered(answer, clean), errorDetail: answer.note, timedOut: false };
  const { code, detail } = answer;
  const failed = { ...made, errorDetail: clean(detail), timedOut: code === 'timeout' };
  // What was received counts: the receiver has decided when it sends a status, whatever becomes of the body behind it.
  if (answer.answer !== undefined) return { ...failed, ...answered(answer.answer, clean) };
  return { ...failed, result: { kind: 'error', code }, error: code, responseBody: undefined };
}

function answered(
  { status, headers, body, truncated }: ReceivedAnswer,
  clean: (text: string, cut: boolean) => string,
): Pick<AttemptReport, 'result' | 'error' | 'responseBody'> {
  const success = status >= 200 && status < 300;
  return {
    result: { kind: 'response', status, retryAfter: headers.retryAfter },
    error: success ? undefined : `http-${status}`,
    responseBody: body === '' ? undefined : clean(body, truncated),
  };
}

/** Its own headers come first, so that ours win. Most endpoints have none: a spread of nothing took 4 µs an attempt. */
function headersOf({ headers }: Sendable, ours: Record<string, string>): Readonly<Record<string, string>> {
  for (const _name in headers) return { ...headers, ...ours };
  return ours;
}
