import { z } from 'zod';

/** What is to be dropped, by the names that Redis knows. */
export const invalidation = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('keys'), ids: z.array(z.string()) }),
  z.object({ kind: z.literal('tags'), ids: z.array(z.string()) }),
  z.object({ kind: z.literal('pattern'), pattern: z.string() }),
  z.object({ kind: z.literal('all') }),
]);

export type Invalidation = z.output<typeof invalidation>;

/** Which entries are to go. */
export type Target = { key: string } | { tag: string } | { pattern: string } | 'all';

/** Beyond so many, dropping the whole namespace is simpler. */
const MOST_PENDING = 1_000;

/** Invalidations that Redis has not heard of yet: until it has, nothing is to be read from it. */
export class PendingInvalidations {
  readonly #waiting = new Map<string, { what: Invalidation; expiresAt: number }>();
  #sending: Promise<void> | undefined;

  /**
   * @param send - resolves to whether Redis has done it
   * @param keepMs - how long one matters: what it is about is gone by itself then
   */
  constructor(
    private readonly send: (what: Invalidation) => Promise<boolean>,
    private readonly keepMs: number,
    private readonly most = MOST_PENDING,
  ) {}

  get size(): number {
    return this.#waiting.size;
  }

  add(what: Invalidation): void {
    if (what.kind === 'all' || this.#waiting.size >= this.most) {
      this.#waiting.clear();
      this.#put({ kind: 'all' });
    } else this.#put(what);
  }

  /** Sends what waits, in its order, until Redis does not answer. Resolves to whether all is sent. */
  async flush(): Promise<boolean> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
    await this.#sending;
    return this.#waiting.size === 0;
  }

  #put(what: Invalidation): void {
    this.#waiting.set(JSON.stringify(what), { what, expiresAt: performance.now() + this.keepMs });
  }

  async #sendAll(): Promise<void> {
    for (const [name, waiting] of this.#waiting) {
      const over = performance.now() >= waiting.expiresAt;
      if (!over && !(await this.send(waiting.what))) return;
      // The same may have been asked for once more since it was sent.
      if (this.#waiting.get(name) === waiting) this.#waiting.delete(name);
    }
  }
}
