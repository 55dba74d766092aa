/** What a namespace has done in this process since it started. */
export interface CacheStatistics {
  /** Answered from this process's memory, and from Redis. */
  hits: { local: number; redis: number };
  /** What had to be loaded, or waited for somebody who did. */
  misses: number;
  /** The share of hits, 0 to 1; null before anybody asked. */
  hitRatio: number | null;
  /** Loads, those in the background included; how many failed; what they took in all, in milliseconds. */
  loads: number;
  loadFailures: number;
  loadMs: number;
  /** Misses that made no load of their own, because one was under way here or in another process. */
  heldOff: number;
  /** Answers with a value after its time. */
  stale: number;
  /** Loads that were not kept, because what they read may have changed meanwhile. */
  outdated: number;
  evictions: number;
  entries: number;
  /** What this process remembers, in bytes, roughly. */
  bytes: number;
}

/** Counts them. */
export class Counts {
  local = 0;
  redis = 0;
  misses = 0;
  loads = 0;
  loadFailures = 0;
  loadMs = 0;
  heldOff = 0;
  stale = 0;
  outdated = 0;

  statistics(held: Pick<CacheStatistics, 'evictions' | 'entries' | 'bytes'>): CacheStatistics {
    const { local, redis, misses, loads, loadFailures, loadMs, heldOff, stale, outdated } = this;
    const hits = local + redis;
    const hitRatio = hits + misses === 0 ? null : hits / (hits + misses);
    const load = { loads, loadFailures, loadMs: Math.round(loadMs) };
    return { hits: { local, redis }, misses, hitRatio, ...load, heldOff, stale, outdated, ...held };
  }
}
