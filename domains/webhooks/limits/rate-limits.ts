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

/** An endpoint as somebody knows it. */
export interface AtVersion {
  id: PublicId;
  version: number;
}

/** The limits of endpoints, one truth for all processes. */
export interface RateLimits {
  /** Asks for attempts at an endpoint. @throws when Postgres cannot be asked */
  take(endpointId: PublicId, wanted: number): Promise<Permission>;
  /**
   * The same for one attempt, by the endpoint as it uses it: refused without asking while the limit is known to be used up.
   *
   * @returns the permit; `free` when there is no limit, undefined when the attempt has to wait
   */
  takeOne(endpoint: AtVersion & { limited: boolean }): Promise<Permit | 'free' | undefined>;
  /** The receiver has the request. */
  arrived(permit: Permit): void;
  /** No request was made. */
  giveBack(permits: readonly Permit[]): void;
  /** Whether this process has seen a limit at this endpoint. */
  mayLimit(endpointId: PublicId): boolean;
  /**
   * Milliseconds until a limit gives way that refused an attempt in this process; 0 when it is not known to be used up, or
   * the endpoint was changed since.
   */
  waitMs(endpoint: AtVersion): number;
  /** Whether a limit that refused an attempt in this process was used up at a time, or has been since; see {@link waitMs}. */
  wasUsedUp(endpoint: AtVersion, at: number): boolean;
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

/** What a process remembers of an endpoint's limit. */
interface Known {
  /** The newest version that was refused an attempt; 0 for none. A newer one may have another limit. */
  version: number;
  /** When a limit that is used up gives its next permit, as `performance.now()` says it. */
  fullUntil: number;
}

/** Asks Postgres for permits, many in one statement. Nothing is asked of endpoints without a limit. */
export function createRateLimits({ db, log }: { db: Queryable; log: Logger }): RateLimits {
  const known = new LRUCache<PublicId, Known>({ max: MAX_REMEMBERED });
  const writing = new Set<Promise<void>>();
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
    if (permission.limited) {
      const refused = permission.permits.length < wanted;
      const fullUntil = refused ? performance.now() + permission.waitMs : 0;
      known.set(endpointId, { version: known.get(endpointId)?.version ?? 0, fullUntil });
    } else known.delete(endpointId);
    return permission;
  }

  function usedUpUntil({ id, version }: AtVersion): number {
    const limit = known.get(id);
    return limit === undefined || limit.version < version ? 0 : limit.fullUntil;
  }

  function waitMs(endpoint: AtVersion): number {
    return Math.max(0, Math.ceil(usedUpUntil(endpoint) - performance.now()));
  }

  return {
    take,
    async takeOne({ id, version, limited }) {
      if (!limited) {
        if ((known.get(id)?.version ?? 0) <= version) known.delete(id);
        return 'free';
      }
      if (waitMs({ id, version }) > 0) return undefined;
      const permission = await take(id, 1);
      if (!permission.limited) return 'free';
      const [permit] = permission.permits;
      const limit = known.get(id);
      if (permit === undefined && limit !== undefined) limit.version = Math.max(limit.version, version);
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
    mayLimit: (endpointId) => known.has(endpointId),
    waitMs,
    wasUsedUp: (endpoint, at) => usedUpUntil(endpoint) > at,
  };
}

/** Hands out what was given, in the order of the wishes. Takes from `taken`. */
function permissionOf(taken: Taken | undefined, wish: Wish & { startBefore: number }): Permission {
  if (taken === undefined || !taken.limited) return { limited: false };
  const { endpointId, wanted, startBefore } = wish;
  const permits = taken.permits.splice(0, wanted).map((id) => ({ id, endpointId, startBefore }));
  return { limited: true, permits, waitMs: permits.length < wanted ? taken.waitMs : 0 };
}
