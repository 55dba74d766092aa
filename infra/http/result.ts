/** Why there is no whole response. */
export type GuardedErrorCode = 'timeout' | 'dns' | 'connection' | 'tls' | 'blocked' | 'aborted' | 'protocol';

export type HttpVersion = '1.1' | '2';

/** What was received of a response, its head at least. */
export interface ReceivedAnswer {
  status: number;
  headers: { retryAfter?: string; contentType?: string };
  /**
   * The first `keepBytes` after decompression, as valid text without NUL characters; not decompressed where that cannot
   * be done.
   */
  body: string;
  /** Whether the body was longer than what is kept. */
  truncated: boolean;
}

/** A whole response of any status, redirects included. */
export interface GuardedResponse extends ReceivedAnswer {
  ok: true;
  /** What was amiss with the body, though it came whole, in a sentence like {@link GuardedFailure.detail}. */
  note?: string;
  /** From the call of `send` to the last byte, in milliseconds. */
  durationMs: number;
  httpVersion: HttpVersion;
}

/** No whole response. The receiver may still have got the request. */
export interface GuardedFailure {
  ok: false;
  code: GuardedErrorCode;
  /** A sentence that may be shown to the endpoint's owner: names no address and no port, and repeats nothing received. */
  detail: string;
  /** What came before it failed, if the head did. */
  answer?: ReceivedAnswer;
  durationMs: number;
}

export type GuardedResult = GuardedResponse | GuardedFailure;
