import { createFairLimit } from '../../../core/fair-limit';
import { fillJsonTemplate } from '../../../core/json-template';
import type { GuardedClient, GuardedResult } from '../../../infra/http/guarded-client';
import type { Carrier, WireResult } from './wire';

/** A service that takes text or push messages by HTTP. */
export interface HttpService {
  url: string;
  headers: Readonly<Record<string, string>>;
  /** JSON with places. */
  template: string;
  /** Requests at once. */
  concurrency: number;
  timeoutMs: number;
}

/** What fills the template. */
export interface Parcel {
  /** The same whenever it is sent again. */
  sendId: string;
  values: Readonly<Record<string, string>>;
}

/** Gives messages to an HTTP service. The client is the caller's. */
export function createHttpCarrier(client: GuardedClient, service: HttpService): Carrier<Parcel> {
  const { url, headers, template, concurrency, timeoutMs } = service;
  const limit = createFairLimit(concurrency);
  return {
    ready: (group, work) =>
      limit.run(group, () =>
        work(async ({ sendId, values }) => {
          const result = await client.send({
            url,
            headers: { 'content-type': 'application/json', 'idempotency-key': sendId, ...headers },
            body: fillJsonTemplate(template, { ...values, sendId }),
            timeoutMs,
          });
          return judged(result);
        }),
      ),
    close: () => limit.drain(),
  };
}

/** Statuses after which the same request may be taken later. */
const LATER = new Set([401, 403, 408, 409, 423, 425, 429]);

function judged(result: GuardedResult): WireResult {
  if (!result.ok) return { outcome: 'failed', error: result.detail, retryAfterMs: undefined };
  const { status } = result;
  if (status >= 200 && status < 300) return { outcome: 'sent', reference: referenceIn(result.body) };
  const error = `the service answered ${status}`;
  if (status === 410) return { outcome: 'refused', error, address: 'invalid' };
  // What is wrong with our credentials says nothing of the message.
  if (status >= 400 && status < 500 && !LATER.has(status)) return { outcome: 'refused', error, address: undefined };
  const seconds = Number(result.headers.retryAfter);
  return { outcome: 'failed', error, retryAfterMs: seconds > 0 ? Math.min(seconds, 86_400) * 1_000 : undefined };
}

const REFERENCES = ['id', 'messageId', 'message_id', 'sid', 'reference'];

/** The id that the service gives it, where it says one. */
function referenceIn(body: string): string | undefined {
  try {
    const answer: unknown = JSON.parse(body);
    if (typeof answer !== 'object' || answer === null) return undefined;
    const found = REFERENCES.map((name) => (answer as Record<string, unknown>)[name]);
    return found.find((value) => typeof value === 'string' && value.length <= 300) as string | undefined;
  } catch {
    return undefined;
  }
}
