import type { Redis } from 'ioredis';
import type { Logger } from '../log';

/** What stands for an answer while Redis is left alone. */
export const AWAY = Symbol('Redis is away');

const PAUSE_MS = 1_000;

/**
 * The way to Redis. After a failure nobody asks it for a moment, then one tries: so a Redis that is slow, full or away
 * costs a caller now and then the time of one command, and never fails anything.
 */
export class RedisGate {
  failures = 0;
  #failing = false;
  #resumeAt = 0;

  constructor(
    private readonly redis: Redis,
    private readonly log: Logger,
    private readonly pauseMs = PAUSE_MS,
  ) {}

  /** Whether the last command was answered. */
  get open(): boolean {
    return this.redis.status === 'ready' && !this.#failing;
  }

  /** @returns what `ask` does, or {@link AWAY} */
  async use<T>(ask: (redis: Redis) => Promise<T>): Promise<T | typeof AWAY> {
    if (this.redis.status !== 'ready') return AWAY;
    const now = performance.now();
    if (this.#failing) {
      if (now < this.#resumeAt) return AWAY;
      // Whoever comes while this one tries is not to try as well.
      this.#resumeAt = now + this.pauseMs;
    }
    try {
      const answer = await ask(this.redis);
      this.#failing = false;
      return answer;
    } catch (error) {
      this.failures++;
      // Once, and only its first line: what follows may be keys.
      const message = error instanceof Error ? error.message.slice(0, 120) : 'unknown';
      if (!this.#failing) this.log.warn({ err: { message } }, 'Redis does not serve the caches; going on without it');
      this.#failing = true;
      this.#resumeAt = performance.now() + this.pauseMs;
      return AWAY;
    }
  }
}
