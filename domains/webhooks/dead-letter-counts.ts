import { z } from 'zod';
import type { PublicId } from '../../core/ids';
import { openCaches } from '../../infra/cache/caches';
import type { Platform } from '../../infra/platform/platform';
import { type DeadLetterStats, readDeadLetterStats } from './store/dead-letter-stats';
import type { TimeRange } from './store/message-reads';

/** How old counts may be that nobody here has changed: dead letters come from many processes, all the time. */
const FRESH_MS = 5_000;
/** After that they may be shown while they are counted anew, which takes up to a second. */
const STALE_MS = 9_000;

const date = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (at) => at.toISOString(),
});
const counts = <V extends z.ZodType>(value: V) => z.array(z.object({ value, count: z.int(), oldestAt: date }));
const id = z.custom<PublicId>((text) => typeof text === 'string');

const stats = z.object({
  open: z.int(),
  complete: z.boolean(),
  oldestAt: z.optional(date),
  byReason: counts(z.string()),
  byEndpoint: counts(id),
  byEventType: counts(z.string()),
  byHour: counts(date),
});

/**
 * Counts of open dead letters, which are seconds old at most, and never older than a command of the tenant's: the retry and
 * the discard of one, and each step of a replay, a bulk discard and their cancellation. What happens by itself (attempts,
 * recovery, retention) happens all the time and drops nothing: it shows with the next count.
 */
export interface DeadLetterCounts {
  read(tenantId: PublicId, filter: TimeRange & { endpointId?: PublicId | undefined }): Promise<DeadLetterStats>;
  /** To be called when a command has changed something, after it is committed. */
  changed(tenantId: PublicId): Promise<void>;
}

/** Opens the counts of a process; use `platform.once(openDeadLetterCounts)`. */
export function openDeadLetterCounts(platform: Platform): DeadLetterCounts {
  const cache = platform.once(openCaches).namespace({
    name: 'dead-letter-counts',
    schema: stats,
    ttlMs: FRESH_MS,
    staleMs: STALE_MS,
    localTtlMs: FRESH_MS,
  });
  return {
    read: (tenantId, filter) => {
      const { endpointId = '', since, until } = filter;
      const key = [tenantId, endpointId, since?.toISOString() ?? '', until?.toISOString() ?? ''].join(' ');
      const load = () => readDeadLetterStats(platform.reads, tenantId, filter);
      return cache.getOrLoad(key, load, { tags: [tenantId] });
    },
    changed: async (tenantId) => {
      await cache.invalidate({ tag: tenantId });
    },
  };
}
