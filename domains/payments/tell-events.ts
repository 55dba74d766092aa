import { coverEvent, reportConflict, type StoredEvent } from '../webhooks';
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
