import type { Client } from '@temporalio/client';
import { type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { LEASE_SLACK_MS } from '../delivery/delivery-engine';
import { batchWorkflowId, MAX_DELIVERIES_PER_WORKFLOW } from '../rules/workflow-names';
import { startCover } from '../start';
import { releaseKeys } from '../store/message-keys';
import { type StoredDelivery, storeMessages } from '../store/publish';
import { newMessage } from './new-message';

const NO_CHANNELS: readonly string[] = [];

/** An event of Waybill's own, for the tenant's endpoints. */
export interface OwnEvent {
  tenantId: PublicId;
  /** Such as `settlement.completed`. */
  eventType: string;
  payload: unknown;
  /** Names the event: it is stored once, however often this is tried. At most 200 characters. */
  eventId: string;
}

/** An event that is stored, and what is to be delivered of it. */
export interface StoredEvent {
  tenantId: PublicId;
  eventType: string;
  workflowId: string;
  deliveries: StoredDelivery[];
}

/**
 * Stores an event with its deliveries, within the caller's transaction if `db` is one: the event is there if and only if
 * what it tells of is. Call {@link coverEvent} after the commit; if that never happens, the sweep delivers it.
 */
export async function storeEvent(db: Queryable, event: OwnEvent): Promise<StoredEvent> {
  const { tenantId, eventType, payload, eventId } = event;
  // Such events used to have another fingerprint. Of those that are stored only the key matters: their own repetition is
  // known by it alone, and a tenant's publish under the same event id says something else, then as now.
  const message = newMessage({ tenantId, eventType, payload, eventId, channels: NO_CHANNELS });
  const workflowId = batchWorkflowId(toUuid(message.id));
  const [deliveries] = await storeMessages(db, [message], {
    lease: undefined,
    leaseSlackMs: LEASE_SLACK_MS,
    ownWorkflows: 0,
    sharedWorkflow: workflowId,
    sharedOffset: 0,
    sharedSize: MAX_DELIVERIES_PER_WORKFLOW,
  });
  if (deliveries === undefined) await releaseKeys(db, message.id);
  return { tenantId, eventType, workflowId, deliveries: deliveries ?? [] };
}

/** Starts the workflows that deliver a stored event. */
export async function coverEvent(
  client: Client,
  config: { WAYBILL_TASK_QUEUE: string },
  event: StoredEvent,
): Promise<void> {
  const byWorkflow = new Map<string, StoredDelivery[]>();
  for (const delivery of event.deliveries) {
    if (delivery.held) continue;
    byWorkflow.set(delivery.workflowId, [...(byWorkflow.get(delivery.workflowId) ?? []), delivery]);
  }
  for (const [workflowId, deliveries] of byWorkflow) {
    const cover = {
      workflowId,
      open: deliveries.map(({ id }) => id),
      ended: {},
      tenantIds: [event.tenantId],
      endpointIds: [...new Set(deliveries.map(({ endpointId }) => endpointId))],
      startDelayMs: 0,
    };
    await startCover({ client, config }, cover);
  }
}
