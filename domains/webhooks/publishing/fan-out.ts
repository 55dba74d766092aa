import { LRUCache } from 'lru-cache';
import { GroupCommit } from '../../../core/group-commit';
import type { PublicId } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { countDeliveries, countEndpoints } from '../store/fan-out';
import type { NewMessage } from '../store/publish';

/** A message with more deliveries than this is heavy: it is stored apart from the others. */
export const HEAVY_DELIVERIES = 200;

const MAX_TENANTS = 10_000;
const MAX_KINDS = 20_000;
const MAX_AGE_MS = 10_000;
const MAX_ASKED = 100;
const MAX_WAITING = 20_000;

interface Known {
  count: number;
  until: number;
}

/** Knows how many deliveries a message will make, before it is stored. */
export interface FanOut {
  /** A number, without delay, for nearly every message; else a promise of one. */
  estimate(message: NewMessage): number | Promise<number>;
  /** Takes how many a message has made. */
  made(message: NewMessage, deliveries: number): void;
  /** Resolves when nobody waits for an estimate. */
  drain(): Promise<void>;
}

export interface FanOutOptions {
  db: Queryable;
  /** A clock in milliseconds that never goes back. */
  now?: () => number;
}

/**
 * Remembers what messages of the same kind (tenant, event type, channels) made. Most tenants have few endpoints: those are
 * counted once, and again every ten seconds while nobody waits for it; after that no kind of theirs is ever asked for.
 * Only of a tenant with many endpoints a kind that has not been seen for ten seconds is counted first. What is asked at
 * the same time is asked in one query.
 */
export function createFanOut({ db, now = () => performance.now() }: FanOutOptions): FanOut {
  const tenants = new LRUCache<PublicId, Known>({ max: MAX_TENANTS });
  const kinds = new LRUCache<string, Known>({ max: MAX_KINDS });
  const asked = new Map<string, Promise<number>>();
  const bounds = { maxBatch: MAX_ASKED, maxInFlight: 1, maxWaiting: MAX_WAITING };
  const tenantCounts = new GroupCommit<PublicId, number>({
    ...bounds,
    commit: (ids) => countEndpoints(db, ids, HEAVY_DELIVERIES + 1),
  });
  const kindCounts = new GroupCommit<NewMessage, number>({
    ...bounds,
    groupOf: ({ tenantId }) => tenantId,
    commit: (messages) => countDeliveries(db, messages),
  });

  /** Asks once, however many want to know meanwhile. */
  function ask(key: string, count: () => Promise<number>, keep: (known: Known) => void): Promise<number> {
    let answer = asked.get(key);
    if (answer === undefined) {
      answer = count().then((found) => {
        keep({ count: found, until: now() + MAX_AGE_MS });
        return found;
      });
      asked.set(key, answer);
      const forget = () => asked.delete(key);
      answer.then(forget, forget);
    }
    return answer;
  }

  const askTenant = (id: PublicId) =>
    ask(
      id,
      () => tenantCounts.add(id),
      (known) => tenants.set(id, known),
    );

  function ofKind(message: NewMessage, endpoints: number): number | Promise<number> {
    const kind = kindOf(message);
    const known = kinds.get(kind);
    if (endpoints <= HEAVY_DELIVERIES) return Math.min(known?.count ?? endpoints, endpoints);
    if (known !== undefined && known.until > now()) return known.count;
    return ask(
      kind,
      () => kindCounts.add(message),
      (found) => kinds.set(kind, found),
    );
  }

  return {
    estimate(message) {
      if (message.onlyEndpointId !== undefined) return 1;
      const { tenantId } = message;
      const tenant = tenants.get(tenantId);
      if (tenant === undefined) return askTenant(tenantId).then((endpoints) => ofKind(message, endpoints));
      // What is known is used meanwhile; if the database does not answer, storing the message will say so.
      if (tenant.until <= now()) askTenant(tenantId).catch(() => {});
      return ofKind(message, tenant.count);
    },
    made(message, deliveries) {
      if (message.onlyEndpointId !== undefined) return;
      const known = { count: deliveries, until: now() + MAX_AGE_MS };
      kinds.set(kindOf(message), known);
      const tenant = tenants.get(message.tenantId);
      if (tenant !== undefined && tenant.count < deliveries) tenants.set(message.tenantId, known);
    },
    async drain() {
      await tenantCounts.drain();
      await kindCounts.drain();
    },
  };
}

function kindOf({ tenantId, eventType, channels }: NewMessage): string {
  return `${tenantId} ${eventType} ${channels.join(',')}`;
}
