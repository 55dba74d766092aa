import { LRUCache } from 'lru-cache';

/** How much of a limit is left. */
export interface RateState {
  /** Requests a second. */
  limit: number;
  /** Requests that would be allowed at this moment. */
  remaining: number;
  /** Seconds until the whole limit is available again. */
  resetSeconds: number;
}

/** A limiter's decision on a request. */
export interface RateLimitDecision extends RateState {
  allowed: boolean;
  /** Seconds to wait before the next request; 0 when allowed. */
  retryAfterSeconds: number;
}

export interface RateLimiter {
  take(key: string): RateLimitDecision;
  /** Counts so many more requests, however many are allowed: what is over the limit has to drain first. */
  charge(key: string, requests: number): RateState;
  /** Takes back what one allowed request took. */
  giveBack(key: string): void;
}

export interface RateLimiterOptions {
  /** Requests a second for one key. */
  perSecond: number;
  /** Most that may come all at once; by default a second's worth. */
  burst?: number;
  /** Most keys remembered. */
  maxKeys?: number;
  /** A clock in milliseconds that never goes back. */
  now?: () => number;
}

/**
 * Limits requests by GCRA: a key's requests drain at the limit, and at most a second's worth may be in the bucket
 * unless `burst` says otherwise. So no second, wherever it begins, lets more than twice the limit pass. It counts in this process alone: with several API
 * processes each allows the whole limit.
 */
export function createRateLimiter(options: RateLimiterOptions): RateLimiter {
  const { perSecond } = options;
  const now = options.now ?? (() => performance.now());
  const interval = 1000 / perSecond;
  const roomMs = (options.burst ?? perSecond) * interval;
  /** When each key's bucket will have drained. */
  const drained = new LRUCache<string, { at: number }>({ max: options.maxKeys ?? 100_000 });

  function bucketOf(key: string): { at: number } {
    let bucket = drained.get(key);
    if (bucket === undefined) {
      bucket = { at: 0 };
      drained.set(key, bucket);
    }
    return bucket;
  }

  function stateOf(bucket: { at: number }, at: number): RateState {
    const level = Math.max(0, bucket.at - at);
    const remaining = Math.max(0, Math.floor((roomMs - level) / interval + 1e-3));
    return { limit: perSecond, remaining, resetSeconds: Math.ceil(level / 1000) };
  }

  return {
    take(key) {
      const at = now();
      const bucket = bucketOf(key);
      const filled = Math.max(at, bucket.at) + interval;
      const allowed = filled - at <= roomMs + interval * 1e-3;
      if (allowed) bucket.at = filled;
      const retryAfterSeconds = allowed ? 0 : Math.max(1, Math.ceil((filled - at - roomMs) / 1000));
      return { ...stateOf(bucket, at), allowed, retryAfterSeconds };
    },
    charge(key, requests) {
      const at = now();
      const bucket = bucketOf(key);
      bucket.at = Math.max(at, bucket.at) + requests * interval;
      return stateOf(bucket, at);
    },
    giveBack(key) {
      const bucket = drained.peek(key);
      if (bucket !== undefined) bucket.at -= interval;
    },
  };
}
