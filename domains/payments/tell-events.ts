import {
  coverEvent,
  createCoveredOutbox,
  type EventOutbox,
  reportConflict,
  type StoredEvent,
  type StoreEvents,
} from '../webhooks';
import type { PaymentDeps } from './deps';

/** Counts stored events and starts their delivery; if that fails, the sweep starts it. */
export async function tellEvents(
  { client, config, metrics, log }: PaymentDeps,
  stored: readonly (StoredEvent | undefined)[],
): Promise<void> {
  for (const event of stored) {
    if (event === undefined) continue;
    metrics.paymentEvents.inc({ type: event.eventType });
    reportConflict({ log, metrics }, event);
    await coverEvent(client, config, event).catch((error: unknown) =>
      log.warn({ err: error, workflowId: event.workflowId }, 'an event is left to the sweep'),
    );
  }
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
