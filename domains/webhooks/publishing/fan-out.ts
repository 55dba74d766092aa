import { LRUCache } from 'lru-cache';
import { GroupCommit } from '../../../core/group-commit';
import type { PublicId } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { LaneRules } from '../rules/lane';
import { countDeliveries } from '../store/fan-out';
import { readTenantFacts, type TenantFacts } from '../store/lane-rules';
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

interface KnownTenant extends Known {
  rules: LaneRules;
}

/** Knows how many deliveries a message will make, before it is stored, and its tenant's rules for their lanes. */
export interface FanOut {
  /** A number, without delay, for nearly every message; else a promise of one. */
  estimate(message: NewMessage): number | Promise<number>;
  /** What its tenant has laid down about lanes; undefined before a first estimate for the tenant. */
  rulesOf(tenantId: PublicId): LaneRules | undefined;
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
 * counted once, and again every ten seconds while nobody waits for it; after that no kind of theirs is ever asked for. What
 * they have laid down about lanes is read along with it.
 * Only of a tenant with many endpoints a kind that has not been seen for ten seconds is counted first. What is asked at
 * the same time is asked in one query.
 */
export function createFanOut({ db, now = () => performance.now() }: FanOutOptions): FanOut {
  const tenants = new LRUCache<PublicId, KnownTenant>({ max: MAX_TENANTS });
  const kinds = new LRUCache<string, Known>({ max: MAX_KINDS });
  const asked = new Map<string, Promise<number>>();
  const bounds = { maxBatch: MAX_ASKED, maxInFlight: 1, maxWaiting: MAX_WAITING };
  const facts = new GroupCommit<PublicId, TenantFacts>({
    ...bounds,
    commit: (ids) => readTenantFacts(db, ids, HEAVY_DELIVERIES + 1),
  });
  const kindCounts = new GroupCommit<NewMessage, number>({
    ...bounds,
    groupOf: ({ tenantId }) => tenantId,
    commit: (messages) => countDeliveries(db, messages),
  });

  /** Asks once, however many want to know meanwhile. */
  function ask(key: string, read: () => Promise<number>): Promise<number> {
    let answer = asked.get(key);
    if (answer === undefined) {
      answer = read();
      asked.set(key, answer);
      const forget = () => asked.delete(key);
      answer.then(forget, forget);
    }
    return answer;
  }

  const askTenant = (id: PublicId) =>
    ask(id, async () => {
      const { endpoints, rules } = await facts.add(id);
      tenants.set(id, { count: endpoints, rules, until: now() + MAX_AGE_MS });
      return endpoints;
    });

  function ofKind(message: NewMessage, endpoints: number): number | Promise<number> {
    const kind = kindOf(message);
    const known = kinds.get(kind);
    if (endpoints <= HEAVY_DELIVERIES) return Math.min(known?.count ?? endpoints, endpoints);
    if (known !== undefined && known.until > now()) return known.count;
    return ask(kind, async () => {
      const count = await kindCounts.add(message);
      kinds.set(kind, { count, until: now() + MAX_AGE_MS });
      return count;
    });
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
    rulesOf: (tenantId) => tenants.get(tenantId)?.rules,
    made(message, deliveries) {
      if (message.onlyEndpointId !== undefined) return;
      kinds.set(kindOf(message), { count: deliveries, until: now() + MAX_AGE_MS });
      const tenant = tenants.get(message.tenantId);
      if (tenant !== undefined && tenant.count < deliveries)
        tenants.set(message.tenantId, { ...tenant, count: deliveries });
    },
    async drain() {
      await facts.drain();
      await kindCounts.drain();
    },
  };
}

function kindOf({ tenantId, eventType, channels }: NewMessage): string {
  return `${tenantId} ${eventType} ${channels.join(',')}`;
}
