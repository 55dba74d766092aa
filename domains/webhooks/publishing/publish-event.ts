import type { Client } from '@temporalio/client';
import { type PublicId, toUuid } from '../../../core/ids';
import { createDatabaseClock } from '../../../infra/postgres/database-clock';
import type { Queryable } from '../../../infra/postgres/pool';
import { LEASE_SLACK_MS } from '../delivery/lease-desk';
import type { SystemEventType } from '../rules/system-events';
import { batchWorkflowId, MAX_DELIVERIES_PER_WORKFLOW } from '../rules/workflow-names';
import { startBacklog, startCover } from '../start';
import { findKeyHolders, releaseKeys } from '../store/message-keys';
import { type NewMessage, type StoredDelivery, storeMessages } from '../store/publish';
import { newMessage } from './new-message';

const NO_CHANNELS: readonly string[] = [];

/** An event's id may not be old when it is stored, and within a transaction it cannot be tried again with another. */
const clock = createDatabaseClock();

/** An event from Waybill itself to a tenant's endpoints. */
export interface OwnEvent {
  tenantId: PublicId;
  eventType: SystemEventType;
  payload: unknown;
  /** Names the event: it is stored once, however often this is tried. At most 200 characters. */
  eventId: string;
  /** Only to this endpoint, whatever it subscribes to, with its channels. */
  only?: { endpointId: PublicId; channels: readonly string[] };
}

/** A stored event and its deliveries. */
export interface StoredEvent {
  tenantId: PublicId;
  eventType: SystemEventType;
  eventId: string;
  /** The message that has its id and another content, which is why it was not stored. */
  conflictsWith: PublicId | undefined;
  workflowId: string;
  deliveries: StoredDelivery[];
}

/**
 * Stores an event with its deliveries, in the caller's transaction if `db` is one: the event is stored if and only if
 * the change that it reports is. Call {@link coverEvent} after the commit; if that never happens, the sweep delivers it.
 */
export async function storeEvent(db: Queryable, event: OwnEvent): Promise<StoredEvent> {
  const { tenantId, eventType, eventId } = event;
  const message = await eventMessage(db, event);
  const workflowId = batchWorkflowId(toUuid(message.id));
  const [deliveries] = await storeMessages(db, [message], {
    lease: undefined,
    leaseSlackMs: LEASE_SLACK_MS,
    ownWorkflows: 0,
    sharedWorkflow: workflowId,
    sharedOffset: 0,
    sharedSize: MAX_DELIVERIES_PER_WORKFLOW,
  });
  const conflictsWith = deliveries === undefined ? await otherHolder(db, message) : undefined;
  return { tenantId, eventType, eventId, conflictsWith, workflowId, deliveries: deliveries ?? [] };
}

/** The message that tells of an event, of the database's time. @param db - in which it will be stored */
export async function eventMessage(db: Queryable, { payload, only, ...event }: OwnEvent): Promise<NewMessage> {
  const data = JSON.stringify(payload);
  const input = { ...event, data, channels: only?.channels ?? NO_CHANNELS, endpointId: only?.endpointId };
  return newMessage(input, await clock.unlessNear(db));
}

/** The message that has one of this one's keys, unless it is the same event stored before; releases the keys it got. */
export async function otherHolder(db: Queryable, message: NewMessage): Promise<PublicId | undefined> {
  await releaseKeys(db, message.id);
  const holders = await findKeyHolders(db, message.tenantId, message.keys);
  return holders.find(({ fingerprint }) => fingerprint !== message.fingerprint)?.messageId;
}

/** Starts the workflows that deliver a stored event. */
export async function coverEvent(
  client: Client,
  config: { WAYBILL_TASK_QUEUE: string },
  event: StoredEvent,
): Promise<void> {
  const byWorkflow = new Map<string, StoredDelivery[]>();
  for (const delivery of event.deliveries) {
    if (delivery.held || delivery.backlog) continue;
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
  for (const { endpointId, backlog } of event.deliveries) {
    if (backlog) await startBacklog({ client, config }, { endpointId, tenantId: event.tenantId });
  }
}
