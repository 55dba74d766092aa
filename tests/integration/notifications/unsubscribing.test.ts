import request from 'supertest';
import type { TestApi } from '../../support/api-support';
import { headerIn, type MailServer } from '../../support/mail-server';
import {
  ended,
  insertSubscriber,
  type NotificationsSetUp,
  notify,
  openNotifications,
  quietNow,
  sendIn,
} from '../../support/notifications';
import { eventually } from '../../support/receiver';

let setUp: NotificationsSetUp;
let api: TestApi;
let mail: MailServer;
beforeAll(async () => {
  setUp = await openNotifications();
  ({ api, mail } = setUp);
});
afterAll(() => setUp.close());

const content = {
  email: { subject: 'News', text: 'Dear {{name}}', html: '<p>Dear {{name}}</p>' },
};
const data = { name: '<i>Ada</i>' };

/** Sends somebody a mail. @returns the path of its link to unsubscribe, and the mail */
async function mailTo(address: string, category = 'news') {
  const { id: subscriberId } = await insertSubscriber(api, { email: address });
  const { id } = await notify(api, { subscriberId, category, content, data });
  await ended(api, id);
  const sent = mail.taken.find(({ to }) => to === address);
  if (sent === undefined) throw new Error('nothing came');
  const link = /<https:\/\/notify\.example\.com(.*)>/.exec(headerIn(sent, 'List-Unsubscribe') ?? '')?.[1] ?? '';
  return { subscriberId, link, sent };
}

const stateOf = async (subscriberId: string, category: string) =>
  (await ended(api, (await notify(api, { subscriberId, category, content, data })).id))[0]?.state;
const click = (link: string, type = 'application/x-www-form-urlencoded', body = 'List-Unsubscribe=One-Click') =>
  request(api.server).post(link).set('content-type', type).send(body);

test('reading the page changes nothing; its button, or a mail program, unsubscribes from the category', async () => {
  const { subscriberId, link } = await mailTo('ada@example.org');
  const page = await request(api.server).get(link);
  expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
  expect(page.text).toContain('<form method="post">');
  expect(page.headers).toMatchObject({
    'content-security-policy': expect.stringContaining("default-src 'none'"),
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  });
  await request(api.server).head(link);
  expect(await stateOf(subscriberId, 'news')).toBe('sent');

  expect((await click(link)).status).toBe(200);
  expect(await stateOf(subscriberId, 'news')).toBe('suppressed');
  expect(await stateOf(subscriberId, 'orders')).toBe('sent');
});

test('it may be clicked as often as one likes', async () => {
  const { subscriberId, link } = await mailTo('bob@example.org');
  const answers = await Promise.all(Array.from({ length: 5 }, () => click(link)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  const { body } = await api.call('GET', `/v1/subscribers/${subscriberId}/preferences`);
  expect(body.choices).toMatchObject([{ category: 'news', channel: 'email', value: false }]);
});

test('a form may be in parts, as RFC 8058 has it', async () => {
  const { subscriberId, link } = await mailTo('carl@example.org');
  const body = '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n';
  expect((await click(link, 'multipart/form-data; boundary=b', body)).status).toBe(200);
  expect(await stateOf(subscriberId, 'news')).toBe('suppressed');
});

test('what says something else, or is no link of ours, unsubscribes nobody', async () => {
  const { subscriberId, link } = await mailTo('dora@example.org');
  expect((await click(link, undefined, 'List-Unsubscribe=Two-Clicks')).status).toBe(422);
  expect((await click(link, undefined, '')).status).toBe(422);
  expect((await click(link, 'application/json', '{"List-Unsubscribe":"One-Click"}')).status).toBe(422);
  const other = `${link.slice(0, -2)}${link.endsWith('AA') ? 'BB' : 'AA'}`;
  for (const path of [other, '/u/x']) {
    expect((await click(path)).status).toBe(404);
    expect((await request(api.server).get(path)).status).toBe(404);
  }
  expect(await stateOf(subscriberId, 'news')).toBe('sent');
});

test('what waits for quiet hours is suppressed by the click', async () => {
  const { subscriberId, link } = await mailTo('eva@example.org');
  await api.call('PATCH', `/v1/subscribers/${subscriberId}/preferences`, { body: { quietHours: quietNow() } });
  const { id } = await notify(api, { subscriberId, category: 'news', content, data });
  await sendIn(api, id, 'pending');
  expect((await click(link)).status).toBe(200);
  expect(await ended(api, id)).toMatchObject([{ state: 'suppressed', decision: { rule: 'opted-out' } }]);
});

test('commercial mail says who it is from, and where they are', async () => {
  const path = '/v1/notification-settings';
  const before = await api.call('GET', path);
  const body = {
    senderName: 'The Shop',
    senderAddress: 'hello@example.net',
    replyTo: 'help@example.net',
    postalAddress: '1 High Street\nSpringfield',
  };
  const headers = { 'if-match': before.headers.etag ?? '' };
  const changed = await api.call('PATCH', path, { body, headers });
  expect([changed.status, changed.body]).toEqual([200, body]);
  expect((await api.call('PATCH', path, { body, headers })).status).toBe(412);
  const { sent } = await mailTo('fay@example.org', 'offers');
  expect(headerIn(sent, 'From')).toBe('The Shop <hello@example.net>');
  expect(headerIn(sent, 'Reply-To')).toBe('help@example.net');
  const raw = sent.raw.replaceAll('=\r\n', '');
  expect(raw).toContain('1 High Street\r\nSpringfield\r\nUnsubscribe: https://notify.example.com/u/');
  expect(raw).toContain('<p>Dear &#60;i&#62;Ada&#60;/i&#62;</p>');
  const page = await request(api.server).get(/\/u\/[\w-]+/.exec(raw)?.[0] ?? '');
  expect(page.text).toContain('The Shop');
});

describe('templates', () => {
  const path = '/v1/notification-templates';
  const first = { email: { subject: 'Order {{order.number}}', text: 'Dear {{name}}', html: '<b>{{name}}</b>' } };
  const filled = { name: '<script>', order: { number: 7 } };

  test('a version never changes, and notifications keep theirs', async () => {
    const made = await api.call('POST', path, { body: { key: 'shipped', name: 'Shipped', content: first } });
    expect([made.status, made.body.variables]).toEqual([201, ['name', 'order.number']]);
    expect((await api.call('POST', path, { body: { key: 'shipped', name: 'x', content: first } })).status).toBe(409);
    const second = { email: { subject: 'Second {{name}}', text: 'x' } };
    const headers = { 'if-match': made.headers.etag ?? '' };
    const changed = await api.call('PATCH', `${path}/shipped`, { body: { content: second }, headers });
    expect([changed.status, changed.body.version]).toEqual([200, 2]);
    const outdated = await api.call('PATCH', `${path}/shipped`, { body: { name: 'y' }, headers });
    expect(outdated.status).toBe(412);

    const { body: versions } = await api.call('GET', `${path}/shipped/versions`);
    expect(
      versions.data.map(({ version, content }: { version: number; content: object }) => [version, content]),
    ).toEqual([
      [2, second],
      [1, first],
    ]);
    const preview = await api.call('POST', `${path}/shipped/preview`, { body: { version: 1, data: filled } });
    expect(preview.body.content.email).toEqual({
      subject: 'Order 7',
      text: 'Dear <script>',
      html: '<b>&#60;script&#62;</b>',
    });

    const { id: subscriberId } = await insertSubscriber(api, { email: 'tess@example.org' });
    const wish = { subscriberId, category: 'news', template: 'shipped', data: filled };
    const older = await notify(api, { ...wish, templateVersion: 1 });
    const latest = await notify(api, wish);
    expect((await api.call('DELETE', `${path}/shipped`)).status).toBe(204);
    await ended(api, older.id);
    await ended(api, latest.id);
    const subjects = mail.taken.filter(({ to }) => to === 'tess@example.org').map((sent) => headerIn(sent, 'Subject'));
    expect(subjects.sort()).toEqual(['Order 7', 'Second <script>']);
    expect((await api.call('GET', `${path}/shipped`)).status).toBe(404);
  });

  test('one that could not be filled safely is refused, saying where', async () => {
    const content = { email: { subject: 'x', text: 'x', html: '<p onclick="{{a}}">x</p>' } };
    const { status, body } = await api.call('POST', path, { body: { key: 'evil', name: 'x', content } });
    expect([status, body.errors]).toEqual([
      422,
      [{ in: 'body', pointer: '#/content/email/html', detail: expect.stringContaining('cannot have {{a}} there') }],
    ]);
  });

  test('they are listed by key, page by page', async () => {
    for (const key of ['b', 'a', 'c']) await api.call('POST', path, { body: { key, name: key, content: first } });
    const { body: page } = await api.call('GET', `${path}?limit=2`);
    expect(page.data.map(({ key }: { key: string }) => key)).toEqual(['a', 'b']);
    const { body: rest } = await api.call('GET', `${path}?limit=2&cursor=${page.next}`);
    expect(rest.data.map(({ key }: { key: string }) => key)).toEqual(['c']);
  });
});

test('whoever is erased leaves nothing of what they were told', async () => {
  const { id: subscriberId } = await insertSubscriber(api, { email: 'erased@example.org' });
  const inApp = { email: content.email, in_app: { title: 'Dear {{name}}', body: 'x' } };
  const { id } = await notify(api, { subscriberId, category: 'news', content: inApp, data });
  await ended(api, id);
  await api.call('PATCH', `/v1/subscribers/${subscriberId}/preferences`, { body: { quietHours: quietNow() } });
  const pending = await notify(api, { subscriberId, category: 'news', content, data });
  await sendIn(api, pending.id, 'pending');
  expect((await api.call('DELETE', `/v1/subscribers/${subscriberId}`)).status).toBe(204);
  expect(await ended(api, pending.id)).toMatchObject([{ state: 'suppressed', decision: { rule: 'erased' } }]);
  for (const notification of [id, pending.id]) {
    await eventually(async () => {
      const { body } = await api.call('GET', `/v1/notifications/${notification}`);
      return body.contentExpired ? true : undefined;
    });
  }
  const { rows } = await api.deps.pool.query('SELECT FROM inbox_items WHERE subscriber_id = $1', [
    subscriberId.slice('sub_'.length),
  ]);
  expect(rows).toEqual([]);
});
