import type { PublicId } from '../../../core/ids';
import type { GuardedClient } from '../../../infra/http/guarded-client';
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
  errorDetail: string | undefined;
  responseBody: string | undefined;
}

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
  };
}

/** Signs a message for an endpoint and sends it once, as Standard Webhooks says. */
export async function attempt(
  client: GuardedClient,
  endpoint: EndpointConfig,
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
  const startedAt = new Date(startedMs);
  const { durationMs } = answer;
  if (!answer.ok) {
    return {
      startedAt,
      durationMs,
      result: { kind: 'error', code: answer.code },
      error: answer.code,
      errorDetail: withoutSecrets(answer.detail, endpoint, { signature }),
      responseBody: undefined,
    };
  }
  const success = answer.status >= 200 && answer.status < 300;
  return {
    startedAt,
    durationMs,
    result: { kind: 'response', status: answer.status, retryAfter: answer.headers.retryAfter },
    error: success ? undefined : `http-${answer.status}`,
    errorDetail: undefined,
    responseBody:
      answer.body === '' ? undefined : withoutSecrets(answer.body, endpoint, { signature, cut: answer.truncated }),
  };
}

/** Its own headers come first, so that ours win. Most endpoints have none: a spread of nothing took 4 µs an attempt. */
function headersOf({ headers }: EndpointConfig, ours: Record<string, string>): Readonly<Record<string, string>> {
  for (const _name in headers) return { ...headers, ...ours };
  return ours;
}
