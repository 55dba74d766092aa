import { randomUUID } from 'node:crypto';

const REQUEST_WITHIN_MS = 15_000;

/** The REST API refused a call; the message has its problem's title and detail. */
export class ApiError extends Error {
  override name = 'ApiError';
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

/** The REST API as any application calls it. */
export interface ApiClient {
  /** @throws ApiError unless the answer is a 2xx; TypeError or a timeout when there is none */
  call(method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown): Promise<unknown>;
}

export function createApiClient(baseUrl: string, key: string, signal: AbortSignal): ApiClient {
  return {
    call: async (method, path, body) => {
      const response = await fetch(`${baseUrl}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${key}`,
          'content-type': 'application/json',
          ...(method === 'POST' ? { 'idempotency-key': randomUUID() } : {}),
        },
        signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_WITHIN_MS)]),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok)
        throw new ApiError(`${method} ${path} was answered ${response.status}: ${text}`, response.status);
      return text === '' ? undefined : JSON.parse(text);
    },
  };
}
