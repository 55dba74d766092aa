import { LRUCache } from 'lru-cache';
import { GroupCommit } from '../../../core/group-commit';
import type { PublicId } from '../../../core/ids';
import type { Logger } from '../../../infra/log';
import type { Queryable } from '../../../infra/postgres/pool';
import { ARRIVES_WITHIN_MS, giveBackPermits, reportArrived, type Taken, takePermits } from '../store/rate-limits';

/** Leave to make one attempt at an endpoint that has a limit. */
export interface Permit {
  id: string;
  endpointId: PublicId;
  /** Until when a request may begin with it, as `performance.now()` says it. */
  startBefore: number;
}

/** What an endpoint's limit says to a wish for attempts; `waitMs`: when to ask again for those that were refused. */
export type Permission = { limited: false } | { limited: true; permits: Permit[]; waitMs: number };

/** The limits of endpoints, one truth for all processes. */
export interface RateLimits {
  /** Asks for attempts at an endpoint. @throws when Postgres cannot be asked */
  take(endpointId: PublicId, wanted: number): Promise<Permission>;
  /**
   * The same for one attempt, by the endpoint's version that it uses: refused without asking while the limit is known to
   * be used up.
   *
   * @returns the permit; `free` when there is no limit, undefined when the attempt has to wait
   */
  takeOne(endpoint: { id: PublicId; version: number }): Promise<Permit | 'free' | undefined>;
  /** The receiver has the request. */
  arrived(permit: Permit): void;
  /** No request was made. */
  giveBack(permits: readonly Permit[]): void;
  /** Whether this process has seen a limit at this endpoint. */
  mayLimit(endpointId: PublicId): boolean;
  /** Milliseconds until a limit that refused an attempt in this process gives way; 0 when none is known to be used up. */
  waitMs(endpointId: PublicId): number;
  /** Resolves when everything that was said is written, or given up. */
  drain(): Promise<void>;
}

const MAX_BATCH = 500;
const MAX_REMEMBERED = 20_000;

/** A request begins this long after its permit was asked for at most; the rest of the time is its way to the receiver. */
const BEGINS_WITHIN_MS = ARRIVES_WITHIN_MS / 2;

interface Wish {
  endpointId: PublicId;
  wanted: number;
}

/** Asks Postgres for permits, many in one statement. Nothing is asked of endpoints without a limit. */
export function createRateLimits({ db, log }: { db: Queryable; log: Logger }): RateLimits {
  const limited = new LRUCache<PublicId, true>({ max: MAX_REMEMBERED });
  const writing = new Set<Promise<void>>();
  /** When a limit that is used up gives its next permit, by what version of the endpoint. */
  const full = new LRUCache<PublicId, { version: number; until: number }>({ max: MAX_REMEMBERED });
  const common = { maxBatch: MAX_BATCH, maxInFlight: 2, maxWaiting: Number.MAX_SAFE_INTEGER };

  const taker = new GroupCommit<Wish, Permission>({
    ...common,
    commit: async (wishes) => {
      // Before the statement, so that a permit is never used later than is believed here.
      const startBefore = performance.now() + BEGINS_WITHIN_MS;
      const sums = new Map<PublicId, number>();
      for (const { endpointId, wanted } of wishes) sums.set(endpointId, (sums.get(endpointId) ?? 0) + wanted);
      const taken = await takePermits(db, sums);
      return wishes.map(({ endpointId, wanted }) =>
        permissionOf(taken.get(endpointId), { endpointId, wanted, startBefore }),
      );
    },
  });

  const reports = new GroupCommit<string, void>({
    ...common,
    commit: async (permits) => {
      await reportArrived(db, permits);
      return permits.map(() => undefined);
    },
  });

  /** What is not written lets a permit be free later than it could be. */
  function write(work: Promise<void>): void {
    const done = work
      .catch((error: unknown) => log.warn({ err: error }, 'could not write what became of a permit'))
      .finally(() => writing.delete(done));
    writing.add(done);
  }

  async function take(endpointId: PublicId, wanted: number): Promise<Permission> {
    const permission = await taker.add({ endpointId, wanted });
    if (permission.limited) limited.set(endpointId, true);
    else limited.delete(endpointId);
    return permission;
  }

  return {
    take,
    async takeOne({ id, version }) {
      limited.set(id, true);
      const known = full.get(id);
      if (known !== undefined && known.version >= version && performance.now() < known.until) return undefined;
      const permission = await take(id, 1);
      if (!permission.limited) return 'free';
      const [permit] = permission.permits;
      if (permit === undefined) full.set(id, { version, until: performance.now() + permission.waitMs });
      return permit;
    },
    // Otherwise it counts as arrived when the time for that is over.
    arrived: ({ id }) => write(reports.add(id)),
    giveBack(permits) {
      const [first] = permits;
      if (first === undefined) return;
      write(
        giveBackPermits(
          db,
          first.endpointId,
          permits.map(({ id }) => id),
        ),
      );
    },
    async drain() {
      while (writing.size > 0) await Promise.all(writing);
    },
    mayLimit: (endpointId) => limited.has(endpointId),
    waitMs: (endpointId) => Math.max(0, Math.ceil((full.get(endpointId)?.until ?? 0) - performance.now())),
  };
}

/** Hands out what was given, in the order of the wishes. Takes from `taken`. */
function permissionOf(taken: Taken | undefined, wish: Wish & { startBefore: number }): Permission {
  if (taken === undefined || !taken.limited) return { limited: false };
  const { endpointId, wanted, startBefore } = wish;
  const permits = taken.permits.splice(0, wanted).map((id) => ({ id, endpointId, startBefore }));
  return { limited: true, permits, waitMs: permits.length < wanted ? taken.waitMs : 0 };
}
