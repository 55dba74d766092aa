import { LRUCache } from 'lru-cache';
import type { Pool } from 'pg';
import type { PublicId } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import { type OwnEvent, type StoredEvent, storeEvent } from '../publishing/publish-event';
import { type AttemptOutcome, type RecordedOutcome, recordOutcomes } from '../store/attempt-outcomes';
import { hasSubscriber } from '../store/event-subscribers';

/** An outcome, and what is to be told of it. */
export interface ToldOutcome {
  outcome: AttemptOutcome;
  event: OwnEvent | undefined;
}

export interface RecordingDeps {
  pool: Pool;
  /** Has events delivered that are stored; the sweep delivers them otherwise. Never rejects. */
  deliver(events: readonly StoredEvent[]): Promise<void>;
}

const PATTERNS = ['delivery.*', 'delivery.failing', 'delivery.exhausted', 'delivery.recovered'];

/** A new subscriber hears of what happens from so long after it has subscribed. */
const KNOWN_FOR_MS = 5_000;
const MAX_TENANTS = 20_000;

/**
 * Records outcomes along with the events that tell of them, in one transaction; where nobody wants to hear of them, which
 * is known for some seconds, in one statement.
 */
export function createRecording({ pool, deliver }: RecordingDeps) {
  const wanted = new LRUCache<PublicId, { any: boolean }>({ max: MAX_TENANTS, ttl: KNOWN_FOR_MS });

  async function isWanted(tenantId: PublicId): Promise<boolean> {
    let known = wanted.get(tenantId);
    if (known === undefined) {
      known = { any: await hasSubscriber(pool, tenantId, PATTERNS) };
      wanted.set(tenantId, known);
    }
    return known.any;
  }

  return async (items: readonly ToldOutcome[]): Promise<RecordedOutcome[]> => {
    const outcomes = items.map(({ outcome }) => outcome);
    const events: { n: number; event: OwnEvent }[] = [];
    for (const [n, { event }] of items.entries()) {
      if (event !== undefined && (await isWanted(event.tenantId))) events.push({ n, event });
    }
    if (events.length === 0) return recordOutcomes(pool, outcomes);
    const { results, stored } = await inTransaction(pool, async (client) => {
      const recorded = await recordOutcomes(client, outcomes);
      const told: StoredEvent[] = [];
      for (const { n, event } of events) if (recorded[n]?.moved === true) told.push(await storeEvent(client, event));
      return { results: recorded, stored: told };
    });
    void deliver(stored);
    return results;
  };
}
