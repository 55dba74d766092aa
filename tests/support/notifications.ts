import { randomUUID } from 'node:crypto';
import { newId, type PublicId, toUuid } from '../../core/ids';
import { createApi, type TestApi } from './api-support';
import { type MailServer, startMailServer } from './mail-server';
import { eventually, startReceiver, type TestReceiver } from './receiver';

/** An API that sends, with a worker, and where it sends to. */
export interface NotificationsSetUp {
  api: TestApi;
  mail: MailServer;
  sms: TestReceiver;
  push: TestReceiver;
  /** Starts a worker, once, which is stopped with the rest. */
  startWorker(): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Brings it up, with three categories: `news`, which one may refuse, `offers`, which is commercial, and `orders`, required.
 *
 * @param options - `worker`: false to start it later
 */
export async function openNotifications({ worker = true } = {}): Promise<NotificationsSetUp> {
  const [mail, sms, push] = await Promise.all([startMailServer(), startReceiver(), startReceiver()]);
  const api = await createApi(
    {},
    {
      WAYBILL_SMTP_URL: mail.url,
      WAYBILL_SMTP_TLS: 'off',
      WAYBILL_SMTP_FROM: 'shop@example.com',
      WAYBILL_PUBLIC_URL: 'https://notify.example.com',
      WAYBILL_NOTIFY_SMS_URL: sms.url,
      WAYBILL_NOTIFY_SMS_HEADERS: '{"authorization":"Bearer of-sms"}',
      WAYBILL_NOTIFY_PUSH_URL: push.url,
      WAYBILL_NOTIFY_RETRIES: '50ms,100ms',
      WAYBILL_NOTIFY_TIMEOUT: '10s',
      WAYBILL_NOTIFY_SWEEP_GRACE: '0s',
      WAYBILL_OWN_WORKFLOWS_PER_SECOND: '1',
    },
  );
  let running = worker ? api.pipeline.startWorker() : undefined;
  await running;
  await insertCategory(api, 'news');
  await insertCategory(api, 'offers', { commercial: true });
  await insertCategory(api, 'orders', { policy: 'required' });
  return {
    api,
    mail,
    sms,
    push,
    startWorker: () => (running ??= api.pipeline.startWorker()),
    close: async () => {
      await api.close();
      await Promise.all([mail.close(), sms.close(), push.close()]);
    },
  };
}

/** A subscriber. */
export interface Somebody {
  id: PublicId;
  externalId: string;
}

/** Registers a subscriber with one address by each of these channels. */
export async function insertSubscriber(
  api: TestApi,
  addresses: Record<string, string>,
  { quietHours }: { quietHours?: object } = {},
): Promise<Somebody> {
  const externalId = randomUUID();
  const destinations = Object.entries(addresses).map(([channel, address]) => ({ channel, address }));
  const body = { externalId, destinations, timeZone: 'UTC', ...(quietHours === undefined ? {} : { quietHours }) };
  const answer = await api.call('POST', '/v1/subscribers', { body });
  if (answer.status !== 201) throw new Error(answer.text);
  return { id: answer.body.id, externalId };
}

/** Lays down a category. */
export async function insertCategory(
  api: TestApi,
  key: string,
  { policy = 'opt_out', commercial = false }: { policy?: string; commercial?: boolean } = {},
): Promise<void> {
  const answer = await api.call('POST', '/v1/categories', { body: { key, name: key, policy, commercial } });
  if (answer.status !== 201) throw new Error(answer.text);
}

/** Opts somebody out of a category. @returns their new version */
export async function optOut(api: TestApi, subscriberId: PublicId, category: string): Promise<number> {
  const body = { choices: [{ category }] };
  const answer = await api.call('POST', `/v1/subscribers/${subscriberId}/preferences/opt-out`, { body });
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.body.version;
}

/** Quiet hours that began an hour ago and last two more. */
export function quietNow(): object {
  const clock = (ms: number) => new Date(ms).toISOString().slice(11, 16);
  return { start: clock(Date.now() - 3_600_000), end: clock(Date.now() + 7_200_000), channels: null };
}

/** Waits until the only send of a notification is in a state. @returns the send */
export async function sendIn(api: TestApi, id: PublicId, state: string) {
  return eventually(async () => {
    const [send] = (await api.call('GET', `/v1/notifications/${id}`)).body.sends;
    return send?.state === state && (state !== 'pending' || send.decision !== null) ? send : undefined;
  });
}

/** Asks for a notification. @returns its body */
export async function notify(api: TestApi, wish: object) {
  const answer = await api.call('POST', '/v1/notifications', { body: wish });
  if (answer.status !== 202) throw new Error(answer.text);
  return answer.body as { id: PublicId; workflowId: string };
}

/** Waits until every send of a notification has ended. @returns the sends */
export async function ended(api: TestApi, id: PublicId) {
  return eventually(async () => {
    const { body } = await api.call('GET', `/v1/notifications/${id}`);
    const sends = body.sends as { channel: string; state: string; attempts: number; [name: string]: unknown }[];
    return sends.every(({ state }) => state !== 'pending' && state !== 'sending') ? sends : undefined;
  });
}

/** A notification of somebody that waits, an item of their inbox, and a template. @returns ids by resource and parameter */
export async function insertOneNotification(api: TestApi, subscriberId: PublicId): Promise<Record<string, string>> {
  const { pool, keyring } = api.deps;
  const tenant = toUuid(api.tenantId);
  const [notification, item, key] = [newId('ntf'), newId('ibx'), `t${randomUUID()}`];
  await pool.query(
    `INSERT INTO notifications (id, tenant_id, subscriber_id, category, workflow_id, created_by)
     VALUES ($1, $2, $3, 'c', 'w', 'k')`,
    [toUuid(notification), tenant, toUuid(subscriberId)],
  );
  await pool.query(
    `INSERT INTO sends (id, notification_id, tenant_id, subscriber_id, channel, workflow_id, next_attempt_at)
     VALUES ($1, $2, $3, $4, 'in_app', 'w', now() + interval '1 day')`,
    [toUuid(newId('snd')), toUuid(notification), tenant, toUuid(subscriberId)],
  );
  await pool.query(
    `INSERT INTO inbox_items (id, tenant_id, subscriber_id, notification_id, category, content_sealed)
     VALUES ($1, $2, $3, $4, 'c', $5)`,
    [
      toUuid(item),
      tenant,
      toUuid(subscriberId),
      toUuid(notification),
      keyring.encrypt('{"title":"t","body":"b"}', `inbox_items/${item}`),
    ],
  );
  const content = { sms: { text: 'x' } };
  await api.call('POST', '/v1/notification-templates', { body: { key, name: 't', content } });
  return {
    'notifications.id': notification,
    'subscribers.itemId': item,
    'notification-templates.key': key,
  };
}

/** A send of somebody that another process has handed over, and of which it says nothing more. */
export async function insertSendInFlight(api: TestApi, subscriberId: PublicId, leaseMs: number): Promise<void> {
  await api.deps.pool.query(
    `WITH told AS (
       INSERT INTO notifications (id, tenant_id, subscriber_id, category, workflow_id, created_by)
       VALUES ($1, $2, $3, 'news', 'w', 'k'))
     INSERT INTO sends (id, notification_id, tenant_id, subscriber_id, channel, workflow_id, state, claim, next_attempt_at)
     VALUES ($4, $1, $2, $3, 'email', 'w', 'sending', $4, now() + $5 * interval '1 millisecond')`,
    [toUuid(newId('ntf')), toUuid(api.tenantId), toUuid(subscriberId), toUuid(newId('snd')), leaseMs],
  );
}
