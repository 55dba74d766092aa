import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { redisScript, runScript } from './script';

/** How long a lock is held and waited for. */
export interface LockOptions {
  /** After so many milliseconds without a sign of life the lock is anybody's; it is renewed every third of it. */
  ttlMs: number;
  /** How long to wait for it, in milliseconds; 0 tries once. */
  waitMs: number;
}

/** What the holder of a lock works with. */
export interface Held {
  /** Aborted, with {@link LockLost}, as soon as the lock may be somebody else's. */
  signal: AbortSignal;
  /**
   * Higher than that of every holder before, even those of a Redis that has lost its data. What is written to has to keep
   * the highest that it has seen and to refuse lower ones: only this stops a holder that was paused.
   */
  fence: bigint;
}

/** Thrown when nobody gave the lock back in time. */
export class LockNotAcquired extends Error {
  override name = 'LockNotAcquired';
}

/** Thrown when Redis cannot be asked for a lock. */
export class LockUnavailable extends Error {
  override name = 'LockUnavailable';
}

/** Why the signal of a holder is aborted. */
export class LockLost extends Error {
  override name = 'LockLost';
}

const POLL_MS = 50;

/** Redis' clock is part of the fence, so that it does not begin anew where the last one was lost with the data. */
const TAKE = redisScript(`
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return false end
local time = redis.call('TIME')
local now = string.format('%010d%06d', time[1], time[2])
local last = redis.call('GET', KEYS[2])
local fence = now
if last and last >= now then fence = string.format('%016.0f', tonumber(last) + 1) end
redis.call('SET', KEYS[2], fence)
return fence`);

const RENEW = redisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`);

const RELEASE = redisScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`);

/**
 * Does something that at most one process should be doing. It is a lock for efficiency: a holder that is paused for longer
 * than `ttlMs` goes on beside the next one, so whatever must not happen twice has to check `fence` itself (docs/caching.md).
 *
 * @param name - of what is locked; keys in Redis begin with `lock:{name}`
 * @returns what `work` returns, also where the lock was lost meanwhile and `work` did not mind
 * @throws LockNotAcquired when it was held for all of `waitMs`; LockUnavailable when Redis does not answer; what `work` throws
 */
export async function withLock<T>(
  redis: Redis,
  name: string,
  { ttlMs, waitMs }: LockOptions,
  work: (held: Held) => Promise<T>,
): Promise<T> {
  const token = randomBytes(16).toString('hex');
  const key = `lock:{${name}}`;
  const { fence, askedAt } = await take(redis, { name, key, token, ttlMs, waitMs });
  const lost = new AbortController();
  const stop = keep(redis, { name, key, token, ttlMs, askedAt, lost });
  try {
    return await work({ signal: lost.signal, fence });
  } finally {
    stop();
    // One that cannot be given back ends by itself.
    await runScript(redis, RELEASE, [key], [token]).catch(() => undefined);
  }
}

interface Wish {
  name: string;
  key: string;
  token: string;
  ttlMs: number;
}

async function take(redis: Redis, { name, key, token, ttlMs, waitMs }: Wish & { waitMs: number }) {
  const deadline = performance.now() + waitMs;
  for (;;) {
    // Counted from before the question: Redis' own time of the lock begins later, if at all.
    const askedAt = performance.now();
    const answer = await runScript(redis, TAKE, [key, `${key}:fence`], [token, ttlMs]).catch((error: unknown) => {
      throw new LockUnavailable(`Redis cannot be asked for the lock "${name}"`, { cause: error });
    });
    if (answer instanceof Buffer) return { fence: BigInt(answer.toString()), askedAt };
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) throw new LockNotAcquired(`the lock "${name}" was held for all of ${waitMs} ms`);
    await sleep(Math.min(leftMs, POLL_MS * (0.5 + Math.random())));
  }
}

/** Renews the lock until it is stopped. */
function keep(
  redis: Redis,
  { name, key, token, ttlMs, askedAt, lost }: Wish & { askedAt: number; lost: AbortController },
): () => void {
  let stopped = false;
  let heldUntil = askedAt + ttlMs;
  let expiry: NodeJS.Timeout;
  const lose = () => {
    stop();
    lost.abort(new LockLost(`the lock "${name}" may be somebody else's`));
  };
  const watch = () => {
    clearTimeout(expiry);
    expiry = setTimeout(lose, Math.max(0, heldUntil - performance.now()));
  };
  const renew = async () => {
    const at = performance.now();
    // A paused process finds out when it goes on, whatever Redis would say.
    if (at >= heldUntil) return lose();
    const kept = await runScript(redis, RENEW, [key], [token, ttlMs]).catch(() => undefined);
    if (stopped) return;
    if (kept === 0) return lose();
    if (kept === 1) heldUntil = at + ttlMs;
    watch();
  };
  const renewal = setInterval(() => void renew(), ttlMs / 3);
  watch();
  function stop() {
    stopped = true;
    clearInterval(renewal);
    clearTimeout(expiry);
  }
  return stop;
}
