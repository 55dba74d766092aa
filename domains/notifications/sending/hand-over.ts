import { randomUUID } from 'node:crypto';
import type { PoolClient } from 'pg';
import { asId, isId, type PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction } from '../../../infra/postgres/pool';
import { type Addressee, countErased, type Decision, decideInTransaction, findAddressee } from '../../preferences';
import { findEndpoint, NOTIFICATION_EVENT_TYPE, type StoredEvent, storeEvent } from '../../webhooks';
import { notificationsConfig } from '../config';
import { notificationMetrics } from '../metrics';
import type { CardContent, Content } from '../rules/content';
import { publishedEventId } from '../rules/event-id';
import { type LockedSend, lockSend, recordDecision, type Step } from '../store/hand-over';
import { insertInboxItem } from '../store/inbox';
import { findSettings, type NotificationSettings } from '../store/settings';
import { openContent } from './sealing';

/**
 * How long after its decision a send may begin on the wire; what takes longer is decided about again. So somebody who opts
 * out is sent at most what was allowed within this time before.
 */
export const HAND_OFF_MS = 2_000;

/** How much longer than the wire may take a send stays with who has it. */
const LEASE_SLACK_MS = 5_000;

/** What became of a try to hand a send over. */
export type HandOver =
  /** Not due, or somebody else has it. */
  | { state: 'left' }
  | { state: 'suppressed' }
  | { state: 'deferred' }
  /** Sent within the transaction. */
  | { state: 'sent'; event: StoredEvent | undefined }
  /** Failed within the transaction, for good. */
  | { state: 'failed'; error: string }
  /** Allowed, and ours to send at once. */
  | {
      state: 'sending';
      claim: string;
      send: LockedSend;
      addressee: Addressee;
      content: Content;
      settings: NotificationSettings;
    };

/**
 * Decides about a send that is due, and acts on it, in one transaction: an opt-out that was acknowledged before is seen, and
 * one that comes meanwhile waits until the decision is recorded. What is sent by writing is sent by the same transaction;
 * for what goes over a wire the caller has {@link HAND_OFF_MS} from its call on.
 */
export async function handOver(platform: Platform, id: PublicId): Promise<HandOver> {
  const metrics = platform.metrics.of(notificationMetrics);
  return inTransaction(platform.pool, async (db): Promise<HandOver> => {
    const send = await lockSend(db, id, 'due');
    if (send === undefined) return { state: 'left' };
    const startedAt = performance.now();
    const decision = await decideAbout(db, send);
    metrics.decisionSeconds.observe((performance.now() - startedAt) / 1_000);
    return carryOut(platform, db, send, decision);
  });
}

/** Decides about a locked send. What is about somebody who is not there is denied. */
export async function decideAbout(db: PoolClient, send: LockedSend): Promise<Decision> {
  const { tenantId, subscriberId, channel, topic, category, destinationId } = send;
  const question = { tenantId, subscriberId, channel, topic, category: topic === undefined ? category : undefined };
  const decision = await decideInTransaction(db, { ...question, destinationId });
  return decision ?? NOBODY;
}

/** Ends a locked send that is denied. What ends since its subscriber is erased is counted with what was erased. */
export async function recordDenial(db: PoolClient, send: LockedSend, decision: Decision): Promise<void> {
  await recordDecision(db, send, decision, { state: 'suppressed' });
  if (decision.rule === 'erased') await countErased(db, send.subscriberId, 'pendingSends', 1);
}

const NOBODY: Decision = {
  decision: 'deny',
  rule: 'erased',
  level: 'subscriber',
  recordId: undefined,
  reason: undefined,
  version: 0,
  until: undefined,
};

async function carryOut(platform: Platform, db: PoolClient, send: LockedSend, decision: Decision): Promise<HandOver> {
  const record = (step: Step) => recordDecision(db, send, decision, step);
  if (decision.decision === 'deny') {
    await recordDenial(db, send, decision);
    return { state: 'suppressed' };
  }
  if (decision.decision === 'defer') {
    await record({ state: 'pending', at: new Date(decision.until ?? Date.now()), deferred: true });
    return { state: 'deferred' };
  }
  const { contentSealed, notificationId, destinationId, channel } = send;
  const content = contentSealed && openContent(platform.keyring, notificationId, contentSealed);
  if (content?.[channel] === undefined) return fail(record, 'its content is forgotten');
  if (channel === 'in_app') {
    await insertInboxItem(db, platform.keyring, send, content[channel] as CardContent);
    await record({ state: 'sent', reference: asId('ibx', send.id), handOffMs: 0 });
    return { state: 'sent', event: undefined };
  }
  const { tenantId, subscriberId, topic, category } = send;
  const place = { tenantId, subscriberId, topic, category: topic === undefined ? category : undefined };
  const addressee =
    destinationId === undefined ? undefined : await findAddressee(platform.keyring, db, { ...place, destinationId });
  if (addressee === undefined) return fail(record, 'its address is gone');
  if (channel === 'webhook') return publish(db, { send, addressee, content, record });
  const settings = await findSettings(db, tenantId);
  const claim = randomUUID();
  const { WAYBILL_NOTIFY_TIMEOUT: timeoutMs } = platform.settings.of(notificationsConfig);
  await record({ state: 'sending', claim, leaseMs: HAND_OFF_MS + timeoutMs + LEASE_SLACK_MS, handOffMs: HAND_OFF_MS });
  return { state: 'sending', claim, send, addressee, content, settings };
}

async function fail(record: (step: Step) => Promise<void>, error: string): Promise<HandOver> {
  await record({ state: 'failed', error });
  return { state: 'failed', error };
}

interface Publishing {
  send: LockedSend;
  addressee: Addressee;
  content: Content;
  record: (step: Step) => Promise<void>;
}

/** Publishes a message to the endpoint that the address names; the delivery pipeline does the rest. */
async function publish(db: PoolClient, { send, addressee, content, record }: Publishing): Promise<HandOver> {
  const { tenantId, subscriberId, notificationId, topic, category } = send;
  const endpoint = isId('ep', addressee.address) ? await findEndpoint(db, tenantId, addressee.address) : undefined;
  if (endpoint === undefined) return fail(record, 'its address is no endpoint of the tenant');
  if (endpoint.state === 'disabled') return fail(record, 'its endpoint is disabled');
  const payload = {
    notificationId,
    subscriberId,
    topic: topic ?? null,
    category: category ?? addressee.category.key,
    title: content.webhook?.title ?? '',
    body: content.webhook?.body ?? '',
    url: content.webhook?.url ?? null,
  };
  const event = await storeEvent(db, {
    tenantId,
    eventType: NOTIFICATION_EVENT_TYPE,
    eventId: publishedEventId(send.id),
    payload,
    only: { endpointId: endpoint.id, channels: endpoint.channels },
  });
  await record({ state: 'sent', reference: event.eventId, handOffMs: 0 });
  return { state: 'sent', event };
}
