import { coverEvent, type StoredEvent } from '../webhooks';
import type { SettlementDeps } from './deps';

/** Has an event delivered. What is stored is delivered in any case, if need be by the sweep: so it never throws. */
export async function announce(
  { client, config, log }: Pick<SettlementDeps, 'client' | 'config' | 'log'>,
  event: StoredEvent,
): Promise<void> {
  await coverEvent(client, config, event).catch((error) => {
    log.warn({ err: error, workflowId: event.workflowId }, 'could not start the delivery of an event');
  });
}
