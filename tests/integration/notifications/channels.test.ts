import { toUuid } from '../../../core/ids';
import type { TestApi } from '../../support/api-support';
import { insertEndpoint } from '../../support/fixtures';
import {
  ended,
  insertSubscriber,
  type NotificationsSetUp,
  notify,
  openNotifications,
  optOut,
} from '../../support/notifications';
import { startReceiver, type TestReceiver } from '../../support/receiver';

let setUp: NotificationsSetUp;
let api: TestApi;
let sms: TestReceiver;
let push: TestReceiver;
beforeAll(async () => {
  setUp = await openNotifications();
  ({ api, sms, push } = setUp);
});
afterAll(() => setUp.close());

const say = (text: string) => ({ category: 'news', content: { sms: { text } }, data: { name: 'A"d\\a\n' } });
const withPhone = () => insertSubscriber(api, { sms: '+15550100' });
const about = (text: string) => sms.received.filter(({ body }) => JSON.parse(body).text === text);

test('a text message is posted to the service, with its credentials and the same key at each try', async () => {
  const { id: subscriberId } = await withPhone();
  sms.script({ status: 503 }, { status: 200, body: '{"id":"sm-1"}' });
  const { id } = await notify(api, { subscriberId, ...say('Dear {{name}}') });
  const [send] = await ended(api, id);
  expect(send).toMatchObject({ state: 'sent', attempts: 2, providerReference: 'sm-1' });
  const requests = about('Dear A"d\\a\n');
  expect(requests.map(({ headers }) => headers['idempotency-key'])).toEqual([send?.id, send?.id]);
  expect(requests[0]?.headers.authorization).toBe('Bearer of-sms');
  expect(JSON.parse(requests[0]?.body ?? '')).toEqual({
    to: '+15550100',
    text: 'Dear A"d\\a\n',
    reference: send?.id,
  });
});

test('what the service will never take is not tried again', async () => {
  const { id: subscriberId } = await withPhone();
  sms.script({ status: 400 });
  const { id } = await notify(api, { subscriberId, ...say('never') });
  expect(await ended(api, id)).toMatchObject([{ state: 'failed', attempts: 1, lastError: 'the service answered 400' }]);
});

test('a service that asks for time gets it', async () => {
  const { id: subscriberId } = await withPhone();
  sms.script({ status: 429, headers: { 'retry-after': '1' } });
  const { id } = await notify(api, { subscriberId, ...say('busy') });
  expect(await ended(api, id)).toMatchObject([{ state: 'sent', attempts: 2 }]);
  const [first, second] = about('busy');
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1_000);
});

test('a push message is posted to its service; a device that is gone is suppressed', async () => {
  const { id: subscriberId } = await insertSubscriber(api, { push: 'device-1' });
  const card = { title: 'Order {{number}}', body: 'It is on its way', url: 'https://example.com/orders/{{number}}' };
  const wish = { subscriberId, category: 'orders', content: { push: card }, data: { number: 7 } };
  const { id } = await notify(api, wish);
  const [send] = await ended(api, id);
  expect(JSON.parse(push.received[0]?.body ?? '')).toEqual({
    to: 'device-1',
    title: 'Order 7',
    body: 'It is on its way',
    url: 'https://example.com/orders/7',
    reference: send?.id,
  });
  push.script({ status: 410 });
  expect(await ended(api, (await notify(api, wish)).id)).toMatchObject([{ state: 'failed', attempts: 1 }]);
  const { rows } = await api.deps.pool.query(
    `SELECT x.reason, x.source FROM suppressions x JOIN destinations d USING (tenant_id, channel, address_hash)
     WHERE d.subscriber_id = $1`,
    [toUuid(subscriberId)],
  );
  expect(rows).toEqual([{ reason: 'invalid', source: 'provider' }]);
});

test('somebody with several addresses gets it at each, by the channels that are asked for', async () => {
  const { id: subscriberId } = await insertSubscriber(api, { sms: '+15550111', push: 'device-2' });
  const content = { sms: { text: 'x' }, push: { title: 'x', body: 'x' }, in_app: { title: 'x', body: 'x' } };
  const all = await notify(api, { subscriberId, category: 'news', content });
  expect((await ended(api, all.id)).map(({ channel, state }) => `${channel} ${state}`).sort()).toEqual([
    'in_app sent',
    'push sent',
    'sms sent',
  ]);
  const one = await notify(api, { subscriberId, category: 'news', content, channels: ['push'] });
  expect(await ended(api, one.id)).toMatchObject([{ channel: 'push', state: 'sent' }]);
});

test('the inbox in the app has what was allowed, and remembers what was read', async () => {
  const { id: subscriberId } = await insertSubscriber(api, {});
  const wish = { subscriberId, category: 'news', content: { in_app: { title: 'Hello {{name}}', body: 'There' } } };
  const { id } = await notify(api, { ...wish, data: { name: '<b>Ada</b>' } });
  await ended(api, id);
  await optOut(api, subscriberId, 'news');
  const refused = await notify(api, { ...wish, data: { name: 'Bob' } });
  expect(await ended(api, refused.id)).toMatchObject([{ state: 'suppressed' }]);

  const inbox = `/v1/subscribers/${subscriberId}/inbox`;
  const { body } = await api.call('GET', inbox);
  expect(body.data).toMatchObject([{ notificationId: id, title: 'Hello <b>Ada</b>', body: 'There', readAt: null }]);
  const item = body.data[0].id;
  const read = await api.call('POST', `${inbox}/${item}/mark`, { body: { read: true } });
  expect([read.status, typeof read.body.readAt]).toEqual([200, 'string']);
  const again = await api.call('POST', `${inbox}/${item}/mark`, { body: { read: true, archived: true } });
  expect([again.body.readAt, typeof again.body.archivedAt]).toEqual([read.body.readAt, 'string']);
  expect((await api.call('GET', `${inbox}?read=false`)).body.data).toEqual([]);
  expect((await api.call('GET', `${inbox}?read=true&archived=true`)).body.data).toHaveLength(1);
  const unread = await api.call('POST', `${inbox}/${item}/mark`, { body: { read: false } });
  expect(unread.body.readAt).toBeNull();

  const stranger = await insertSubscriber(api, {});
  const elsewhere = await api.call('POST', `/v1/subscribers/${stranger.id}/inbox/${item}/mark`, { body: {} });
  expect(elsewhere.status).toBe(404);
  const { key } = await api.newTenant();
  expect((await api.call('GET', inbox, { key })).status).toBe(404);
});

describe('by webhook', () => {
  let receiver: TestReceiver;
  beforeAll(async () => {
    receiver = await startReceiver();
  });
  afterAll(() => receiver.close());
  const content = { webhook: { title: 'Hello', body: 'There' } };

  test('it is a message to the endpoint that is the address, whatever it subscribes to, and to no other', async () => {
    const options = { url: receiver.url, patterns: ['nothing.else'] };
    const endpoint = await insertEndpoint(api.deps.pool, api.deps.keyring, api.tenantId, options);
    await insertEndpoint(api.deps.pool, api.deps.keyring, api.tenantId, { url: `${receiver.url}/other` });
    const { id: subscriberId } = await insertSubscriber(api, { webhook: endpoint.id });
    const { id } = await notify(api, { subscriberId, category: 'news', content });
    expect(await ended(api, id)).toMatchObject([{ state: 'sent' }]);
    await receiver.waitFor(1);
    const [got, ...others] = receiver.received;
    expect(others).toEqual([]);
    expect(JSON.parse(got?.body ?? '')).toMatchObject({
      data: { notificationId: id, subscriberId, category: 'news', title: 'Hello', body: 'There', url: null },
    });
    expect(got?.headers['webhook-signature']).toMatch(/^v1,/);
  });

  test('an address that is no endpoint of the tenant fails', async () => {
    const { tenantId } = await api.newTenant();
    const theirs = await insertEndpoint(api.deps.pool, api.deps.keyring, tenantId, { url: receiver.url });
    for (const webhook of [theirs.id, 'https://example.com/hook']) {
      const { id: subscriberId } = await insertSubscriber(api, { webhook });
      const { id } = await notify(api, { subscriberId, category: 'news', content });
      expect(await ended(api, id)).toMatchObject([
        { state: 'failed', lastError: 'its address is no endpoint of the tenant' },
      ]);
    }
  });
});
