import { createCoveredOutbox, deliverEvents, type EventOutbox, type StoredEvent, type StoreEvents } from '../webhooks';
import type { PaymentDeps } from './deps';

/** Counts stored events and starts their delivery; if that fails, the sweep starts it. */
export async function tellEvents(deps: PaymentDeps, stored: readonly (StoredEvent | undefined)[]): Promise<void> {
  const events = stored.filter((event) => event !== undefined);
  for (const { eventType } of events) deps.metrics.paymentEvents.inc({ type: eventType });
  await deliverEvents(deps, events);
}

/**
 * Runs a transaction that stores events, then counts them and has them delivered.
 *
 * @param outbox - by default one whose events workflows attempt
 */
export async function storingEvents<T>(
  deps: PaymentDeps,
  outbox: EventOutbox | undefined,
  transaction: (store: StoreEvents) => Promise<T>,
): Promise<T> {
  const types: string[] = [];
  const result = await (outbox ?? createCoveredOutbox(deps)).storing((store) =>
    transaction(async (db, events) => {
      await store(db, events);
      for (const { eventType } of events) types.push(eventType);
    }),
  );
  for (const type of types) deps.metrics.paymentEvents.inc({ type });
  return result;
}
