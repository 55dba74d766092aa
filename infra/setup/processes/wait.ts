import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  /** Given up after this many milliseconds. */
  withinMs: number;
  /** Milliseconds between two looks; default 50. */
  everyMs?: number;
  signal?: AbortSignal | undefined;
}

/**
 * Looks repeatedly until there is something.
 *
 * @returns what `look` found, or `undefined` at the deadline
 * @throws the signal's reason when it is aborted, and whatever `look` throws
 */
export async function waitFor<T>(look: () => Promise<T | undefined>, options: WaitOptions): Promise<T | undefined> {
  const deadline = Date.now() + options.withinMs;
  for (;;) {
    options.signal?.throwIfAborted();
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() >= deadline) return undefined;
    await sleep(options.everyMs ?? 50, undefined, { signal: options.signal }).catch(() => {
      // It fails with an AbortError of its own; callers get the reason.
      options.signal?.throwIfAborted();
    });
  }
}
