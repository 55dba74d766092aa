import { coverEvent, type StoredEvent } from '../webhooks';
import type { SettlementDeps } from './deps';

/**
 * Starts the delivery of an event. It never throws: a stored event is delivered in any case, if need be by the sweep.
 */
export async function announce(
  { client, config, log }: Pick<SettlementDeps, 'client' | 'config' | 'log'>,
  event: StoredEvent,
): Promise<void> {
  await coverEvent(client, config, event).catch((error) => {
    log.warn({ err: error, workflowId: event.workflowId }, 'could not start the delivery of an event');
  });
}
