import { LRUCache } from 'lru-cache';
import { GroupCommit } from '../../../core/group-commit';
import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inboundConfig } from '../config';
import { inboundMetrics } from '../metrics';
import { type BlockPolicy, countRefusals, NO_SOURCE, type Refused, type Standing } from '../store/refusals';

/** How long a process goes by what it was told of a block, so that lifting one takes effect everywhere. */
const TRUSTED_MS = 2_000;
const MAX_REMEMBERED = 50_000;
const MAX_BATCH = 200;
const MAX_WAITING = 10_000;

/** Who is refused again and again. Counted in Postgres, for all processes together; each remembers blocks for a moment. */
export interface Blocks {
  /** Whether this process knows the address to be blocked at the source. */
  isBlocked(sourceId: PublicId, address: string): boolean;
  /**
   * Counts a refused request; {@link NO_SOURCE} is never blocked. Resolves once it is counted, or cannot be; it never rejects.
   */
  count(sourceId: PublicId, address: string): Promise<void>;
  /** What this process remembers of a source is asked for again. */
  forget(sourceId: PublicId): void;
}

type One = Omit<Refused, 'count'>;

/** Opens it, once per process: `platform.once(openBlocks)`. */
export function openBlocks(platform: Platform): Blocks {
  const { pool, log } = platform;
  const metrics = platform.metrics.of(inboundMetrics);
  const config = platform.settings.of(inboundConfig);
  const policy: BlockPolicy = {
    after: config.WAYBILL_INBOUND_BLOCK_AFTER,
    windowMs: config.WAYBILL_INBOUND_BLOCK_WINDOW,
    forMs: config.WAYBILL_INBOUND_BLOCK_FOR,
  };
  const blocked = new LRUCache<string, PublicId>({ max: MAX_REMEMBERED });
  const counts = new GroupCommit<One, Standing>({
    maxBatch: MAX_BATCH,
    maxInFlight: 1,
    maxWaiting: MAX_WAITING,
    groupOf: ({ sourceId }) => sourceId,
    commit: async (items) => {
      const merged = new Map<string, Refused>();
      for (const item of items) {
        const known = merged.get(placeOf(item));
        merged.set(placeOf(item), { ...item, count: (known?.count ?? 0) + 1 });
      }
      const standings = await countRefusals(pool, [...merged.values()], policy);
      const byPlace = new Map([...merged.keys()].map((place, index) => [place, standings[index]]));
      for (const { sourceId, address } of merged.values()) {
        const { blockedUntil, justBlocked } = byPlace.get(placeOf({ sourceId, address })) ?? {};
        if (justBlocked !== true || sourceId === NO_SOURCE) continue;
        metrics.blocks.inc();
        log.warn({ sourceId, address, blockedUntil }, 'an address is blocked for repeated refusals');
      }
      return items.map((item) => byPlace.get(placeOf(item)) ?? { blockedUntil: undefined, justBlocked: false });
    },
  });
  platform.onClose(() => counts.drain());

  return {
    isBlocked: (sourceId, address) => blocked.has(placeOf({ sourceId, address })),
    async count(sourceId, address) {
      try {
        const { blockedUntil } = await counts.add({ sourceId, address });
        if (blockedUntil === undefined || sourceId === NO_SOURCE) return;
        const leftMs = blockedUntil.getTime() - Date.now();
        if (leftMs > 0) blocked.set(placeOf({ sourceId, address }), sourceId, { ttl: Math.min(leftMs, TRUSTED_MS) });
      } catch (error) {
        log.warn({ err: error }, 'a refused inbound webhook was not counted');
      }
    },
    forget(sourceId) {
      for (const [place, source] of blocked.entries()) if (source === sourceId) blocked.delete(place);
    },
  };
}

function placeOf({ sourceId, address }: One): string {
  return `${sourceId} ${address}`;
}
