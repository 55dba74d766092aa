/** Why there is no whole response. */
export type GuardedErrorCode = 'timeout' | 'dns' | 'connection' | 'tls' | 'blocked' | 'aborted' | 'protocol';

export type HttpVersion = '1.1' | '2';

/** A whole response of any status, redirects included. */
export interface GuardedResponse {
  ok: true;
  status: number;
  headers: { retryAfter?: string; contentType?: string };
  /** The first `keepBytes` after decompression, as valid text without NUL characters. */
  body: string;
  /** Whether the body was longer than what is kept. */
  truncated: boolean;
  /** From the call of `send` to the last byte, in milliseconds. */
  durationMs: number;
  httpVersion: HttpVersion;
}

/** No whole response. The receiver may still have got the request. */
export interface GuardedFailure {
  ok: false;
  code: GuardedErrorCode;
  /** A sentence that may be shown to the endpoint's owner: names no address and no port. */
  detail: string;
  durationMs: number;
}

export type GuardedResult = GuardedResponse | GuardedFailure;
