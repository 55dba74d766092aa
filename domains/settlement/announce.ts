import { coverEvent, reportConflict, type StoredEvent } from '../webhooks';
import type { SettlementDeps } from './deps';

/**
 * Starts the delivery of an event. It never throws: a stored event is delivered in any case, if need be by the sweep.
 */
export async function announce(
  { client, config, log, metrics }: Pick<SettlementDeps, 'client' | 'config' | 'log' | 'metrics'>,
  event: StoredEvent,
): Promise<void> {
  reportConflict({ log, metrics }, event);
  await coverEvent(client, config, event).catch((error) => {
    log.warn({ err: error, workflowId: event.workflowId }, 'could not start the delivery of an event');
  });
}
