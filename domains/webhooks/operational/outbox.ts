import type { Platform } from '../../../infra/platform/platform';
import type { Queryable } from '../../../infra/postgres/pool';
import { deliverEvents } from '../publishing/deliver-events';
import { conflictMetrics } from '../publishing/event-conflict';
import { type OwnEvent, type StoredEvent, storeEvent } from '../publishing/publish-event';

/** Stores events within a transaction. */
type Store = (db: Queryable, events: readonly OwnEvent[]) => Promise<void>;

/** Has stored events about webhooks delivered by workflows, as other processes' events are. Never rejects. */
export function deliverOperational(platform: Platform, events: readonly StoredEvent[]): Promise<void> {
  const { client, config, log, metrics } = platform;
  return deliverEvents({ client, config, log, metrics: metrics.of(conflictMetrics) }, events);
}

/** Runs a transaction that stores events about webhooks, and has them delivered once it has committed. */
export async function storingOperational<T>(platform: Platform, transaction: (store: Store) => Promise<T>): Promise<T> {
  const stored: StoredEvent[] = [];
  const result = await transaction(async (db, events) => {
    for (const event of events) stored.push(await storeEvent(db, event));
  });
  await deliverOperational(platform, stored);
  return result;
}
