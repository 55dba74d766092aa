import { Counter, Gauge, type Registry } from 'prom-client';
import type { CacheStatistics } from './statistics';

/** Shows on the process's page of metrics what its caches count. */
export function showCaches(registry: Registry, statistics: () => Map<string, CacheStatistics>, redisUp: () => boolean) {
  const registers = [registry];
  const counter = (name: string, help: string, of: (counted: CacheStatistics) => number) =>
    new Counter({
      name,
      help,
      labelNames: ['namespace'] as const,
      registers,
      collect() {
        this.reset();
        for (const [namespace, counted] of statistics()) this.inc({ namespace }, of(counted));
      },
    });
  new Counter({
    name: 'cache_hits_total',
    help: 'Reads that a cache answered, by where it found the value.',
    labelNames: ['namespace', 'tier'] as const,
    registers,
    collect() {
      this.reset();
      for (const [namespace, { hits }] of statistics()) {
        this.inc({ namespace, tier: 'local' }, hits.local);
        this.inc({ namespace, tier: 'redis' }, hits.redis);
      }
    },
  });
  counter('cache_misses_total', 'Reads that had to load, or to wait for a load.', ({ misses }) => misses);
  counter('cache_loads_total', 'Loads, those in the background included.', ({ loads }) => loads);
  counter('cache_load_failures_total', 'Loads that failed.', ({ loadFailures }) => loadFailures);
  counter('cache_load_seconds_total', 'What loads took.', ({ loadMs }) => loadMs / 1_000);
  counter('cache_held_off_total', 'Misses that shared the load of another caller or process.', (c) => c.heldOff);
  counter('cache_stale_total', 'Answers with a value after its time.', ({ stale }) => stale);
  counter('cache_evictions_total', 'Values that made room for others in this process.', ({ evictions }) => evictions);
  new Gauge({
    name: 'cache_local_bytes',
    help: 'What this process remembers, roughly.',
    labelNames: ['namespace'] as const,
    registers,
    collect() {
      for (const [namespace, { bytes }] of statistics()) this.set({ namespace }, bytes);
    },
  });
  new Gauge({
    name: 'cache_redis_up',
    help: 'Whether Redis answered the last time that a cache asked.',
    registers,
    collect() {
      this.set(redisUp() ? 1 : 0);
    },
  });
}
