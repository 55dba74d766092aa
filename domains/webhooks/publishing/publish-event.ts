import { createHash } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { newId, type PublicId, timeOfId } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { taskQueue } from '../../../infra/temporal/task-queues';
import { LEASE_SLACK_MS } from '../delivery/delivery-engine';
import { matchingPatterns } from '../rules/event-type';
import { batchWorkflowId, MAX_DELIVERIES_PER_WORKFLOW } from '../rules/workflow-names';
import { releaseKeys } from '../store/message-keys';
import { type StoredDelivery, storeMessages } from '../store/publish';
import { startCover } from './cover-workflow';

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
  const id = newId('message');
  const createdAt = new Date(timeOfId(id));
  const data = JSON.stringify(event.payload);
  const workflowId = batchWorkflowId(id.slice(id.indexOf('_') + 1));
  const message = {
    id,
    tenantId: event.tenantId,
    eventType: event.eventType,
    patterns: matchingPatterns(event.eventType),
    eventId: event.eventId,
    channels: [],
    body: `{"type":${JSON.stringify(event.eventType)},"timestamp":"${createdAt.toISOString()}","data":${data}}`,
    contentExpiresAt: undefined,
    createdAt,
    keys: [`event:${event.eventId}`],
    fingerprint: createHash('sha256').update(event.eventType).update(data).digest('hex'),
    onlyEndpointId: undefined,
  };
  const [deliveries] = await storeMessages(db, [message], {
    claim: undefined,
    leaseSlackMs: LEASE_SLACK_MS,
    ownWorkflows: 0,
    sharedWorkflow: workflowId,
    sharedOffset: 0,
    sharedSize: MAX_DELIVERIES_PER_WORKFLOW,
  });
  if (deliveries === undefined) await releaseKeys(db, id);
  return { tenantId: event.tenantId, eventType: event.eventType, workflowId, deliveries: deliveries ?? [] };
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
      settled: {},
      tenantIds: [event.tenantId],
      endpointIds: [...new Set(deliveries.map(({ endpointId }) => endpointId))],
      startDelayMs: 0,
    };
    await startCover(client, cover, taskQueue(config, 'delivery'));
  }
}
