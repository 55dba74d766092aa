import type { Client } from '@temporalio/client';
import type { Logger } from '../../../infra/log';
import { type ConflictMetrics, reportConflict } from './event-conflict';
import { coverEvent, type StoredEvent } from './publish-event';

/** What it takes to have stored events delivered by workflows. */
export interface EventDeliveryDeps {
  client: Client;
  config: { WAYBILL_TASK_QUEUE: string };
  log: Logger;
  metrics: ConflictMetrics;
}

/**
 * Starts the delivery of events whose transaction has committed. It never throws: a stored event is delivered in any case,
 * if need be by the sweep.
 */
export async function deliverEvents(deps: EventDeliveryDeps, events: readonly StoredEvent[]): Promise<void> {
  const { client, config, log } = deps;
  for (const event of events) {
    reportConflict(deps, event);
    await coverEvent(client, config, event).catch((error: unknown) =>
      log.warn({ err: error, workflowId: event.workflowId }, 'an event is left to the sweep'),
    );
  }
}
