/** A process as a lock file names it. `started`: ticks since boot, where the system says. */
export interface Holder {
  pid: number;
  started?: string;
}

export type LockResult = { taken: true; release(): void } | { taken: false; pid: number };

/** Takes the lock, or says who holds it. Released when the process exits, or by `release()`. */
export function takeLock(file: string): LockResult;

export function isAlive(holder: Holder): boolean;

/** When a process started, in ticks since boot; undefined where the system does not say. */
export function startedAt(pid: number): string | undefined;
