import { coverEvent, type StoredEvent } from '../webhooks';
import type { PaymentDeps } from './deps';

/** Counts events that were stored, and starts their delivery; should that fail, the sweep does it. */
export async function tellEvents(
  { client, config, metrics, log }: PaymentDeps,
  stored: readonly (StoredEvent | undefined)[],
): Promise<void> {
  for (const event of stored) {
    if (event === undefined) continue;
    metrics.paymentEvents.inc({ type: event.eventType });
    await coverEvent(client, config, event).catch((error: unknown) =>
      log.warn({ err: error, workflowId: event.workflowId }, 'an event is left to the sweep'),
    );
  }
}
