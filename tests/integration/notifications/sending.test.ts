import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { toUuid } from '../../../core/ids';
import { sweepNotifications } from '../../../domains/notifications';
import { measureSends } from '../../../domains/notifications/store/upkeep';
import type { TestApi } from '../../support/api-support';
import { headerIn, type MailServer } from '../../support/mail-server';
import {
  ended,
  insertSubscriber,
  type NotificationsSetUp,
  notify,
  openNotifications,
  optOut,
  quietNow,
  sendIn,
} from '../../support/notifications';
import { eventually } from '../../support/receiver';

let setUp: NotificationsSetUp;
let api: TestApi;
let mail: MailServer;
let pool: Pool;
beforeAll(async () => {
  setUp = await openNotifications();
  ({ api, mail } = setUp);
  pool = api.deps.pool;
});
afterAll(() => setUp.close());

const content = { email: { subject: 'Hello {{name}}', text: 'Dear {{name}}' } };
const news = { category: 'news', content, data: { name: 'Ada' } };
const mailsTo = (address: string) => mail.taken.filter(({ to }) => to === address);
const somebody = (address: string, options?: Parameters<typeof insertSubscriber>[2]) =>
  insertSubscriber(api, { email: address }, options);

async function decisionsAbout(subscriberId: string): Promise<string[]> {
  const { rows } = await pool.query<{ decision: string }>(
    'SELECT decision FROM send_decisions WHERE subscriber_id = $1 ORDER BY decided_at',
    [toUuid(subscriberId)],
  );
  return rows.map(({ decision }) => decision);
}

/** Whether a decision has waited for a lock for so long. */
async function decisionWaits(seconds: number): Promise<true | undefined> {
  const { rows } = await pool.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
       AND query LIKE '%decision_facts%' AND clock_timestamp() - query_start > $1 * interval '1 second'`,
    [seconds],
  );
  return rows.length > 0 ? true : undefined;
}

test('a mail is sent once, with what it takes to unsubscribe', async () => {
  const { id: subscriberId } = await somebody('ada@example.org');
  const { id } = await notify(api, { subscriberId, ...news });
  expect(await ended(api, id)).toMatchObject([
    { channel: 'email', state: 'sent', attempts: 1, decision: { decision: 'allow', rule: 'category-default' } },
  ]);
  const [sent, ...others] = mailsTo('ada@example.org');
  if (sent === undefined) throw new Error('nothing came');
  expect(others).toEqual([]);
  expect(headerIn(sent, 'Subject')).toBe('Hello Ada');
  expect(headerIn(sent, 'List-Unsubscribe')).toMatch(/^<https:\/\/notify\.example\.com\/u\/[\w-]+>$/);
  expect(headerIn(sent, 'List-Unsubscribe-Post')).toBe('List-Unsubscribe=One-Click');
  expect(headerIn(sent, 'Message-ID')).toMatch(/^<snd_[0-9a-f]{32}@example\.com>$/);
});

test('a request that is repeated is one notification', async () => {
  const { externalId } = await somebody('rep@example.org');
  const idempotencyKey = randomUUID();
  const body = { externalId, ...news };
  const answers = [];
  for (let n = 0; n < 3; n++) answers.push(await api.call('POST', '/v1/notifications', { body, idempotencyKey }));
  expect(new Set(answers.map(({ body: { id } }) => id)).size).toBe(1);
  await ended(api, answers[0]?.body.id);
  expect(mailsTo('rep@example.org')).toHaveLength(1);
});

test('what somebody has refused is not sent, and says why; what is required is', async () => {
  const { id: subscriberId } = await somebody('bob@example.org');
  const version = await optOut(api, subscriberId, 'news');
  const { id } = await notify(api, { subscriberId, ...news });
  expect(await ended(api, id)).toMatchObject([
    { state: 'suppressed', attempts: 0, decision: { decision: 'deny', rule: 'opted-out', preferenceVersion: version } },
  ]);
  const required = await notify(api, { subscriberId, ...news, category: 'orders' });
  expect(await ended(api, required.id)).toMatchObject([{ state: 'sent', decision: { rule: 'required' } }]);
  const [sent, ...others] = mailsTo('bob@example.org');
  expect(others).toEqual([]);
  expect(sent && headerIn(sent, 'List-Unsubscribe')).toBeUndefined();
});

test('an opt-out that is under way is waited for, and heeded', async () => {
  const { id: subscriberId } = await somebody('una@example.org');
  const change = await pool.connect();
  await change.query('BEGIN');
  await change.query('SELECT FROM subscribers WHERE id = $1 FOR NO KEY UPDATE', [toUuid(subscriberId)]);
  const { id } = await notify(api, { subscriberId, ...news });
  await eventually(() => decisionWaits(0));
  await change.query(
    `INSERT INTO preferences (id, subscriber_id, level, key, channel, value, version, updated_by, updated_at)
     VALUES (gen_random_uuid(), $1, 'global', '', '*', false, 2, 'test', now())`,
    [toUuid(subscriberId)],
  );
  await change.query('UPDATE subscribers SET preference_version = 2 WHERE id = $1', [toUuid(subscriberId)]);
  await change.query('COMMIT');
  change.release();
  expect(await ended(api, id)).toMatchObject([{ state: 'suppressed', decision: { preferenceVersion: 2 } }]);
  expect(mailsTo('una@example.org')).toEqual([]);
});

test('an opt-out between two tries is heeded by the next', async () => {
  const { id: subscriberId } = await somebody('fay@example.org');
  mail.refuse.set('fay@example.org', async () => {
    await optOut(api, subscriberId, 'news');
    return '451 4.7.1 Greylisted';
  });
  const { id } = await notify(api, { subscriberId, ...news });
  expect(await ended(api, id)).toMatchObject([{ state: 'suppressed', attempts: 1 }]);
  expect(await decisionsAbout(subscriberId)).toEqual(['allow', 'deny']);
});

test('what begins on the wire too long after its decision was asked for is decided about again', async () => {
  const { id: subscriberId } = await somebody('late@example.org');
  const other = await pool.connect();
  await other.query('BEGIN');
  await other.query('SELECT FROM subscribers WHERE id = $1 FOR NO KEY UPDATE', [toUuid(subscriberId)]);
  const { id } = await notify(api, { subscriberId, ...news });
  await eventually(() => decisionWaits(2.1));
  await other.query('ROLLBACK');
  other.release();
  expect(await ended(api, id)).toMatchObject([{ state: 'sent', attempts: 1, lastError: null }]);
  expect(await decisionsAbout(subscriberId)).toEqual(['allow', 'allow']);
  expect(mailsTo('late@example.org')).toHaveLength(1);
});

test('a mail that the server puts off is tried again, and given up; one that it refuses is not tried again', async () => {
  mail.refuse.set('carl@example.org', '451 4.7.1 Greylisted');
  const carl = await somebody('carl@example.org');
  const { id } = await notify(api, { subscriberId: carl.id, ...news });
  expect(await ended(api, id)).toMatchObject([
    { state: 'failed', attempts: 3, lastError: expect.stringMatching(/^451/) },
  ]);
  expect(await decisionsAbout(carl.id)).toHaveLength(3);
  mail.refuse.set('dora@example.org', '554 5.7.1 Not from you');
  const dora = await somebody('dora@example.org');
  const refused = await notify(api, { subscriberId: dora.id, ...news });
  expect(await ended(api, refused.id)).toMatchObject([{ state: 'failed', attempts: 1 }]);
});

test('a mail whose answer is lost comes again with the same id', async () => {
  const { id: subscriberId } = await somebody('lost@example.org');
  let cuts = 0;
  mail.hold = async ({ to }) => {
    if (to === 'lost@example.org' && cuts++ === 0) mail.cut();
  };
  const { id } = await notify(api, { subscriberId, ...news });
  expect(await ended(api, id)).toMatchObject([{ state: 'sent', attempts: 2 }]);
  expect(new Set(mailsTo('lost@example.org').map(({ messageId }) => messageId)).size).toBe(1);
  expect(mailsTo('lost@example.org')).toHaveLength(2);
});

test('an address that does not exist is suppressed, for everybody who has it', async () => {
  mail.refuse.set('gone@example.org', '550 5.1.1 No such user');
  const one = await somebody('gone@example.org');
  const another = await somebody('gone@example.org');
  const { id } = await notify(api, { subscriberId: one.id, ...news });
  expect(await ended(api, id)).toMatchObject([{ state: 'failed', attempts: 1 }]);
  for (const { id: subscriberId } of [one, another]) {
    const next = await notify(api, { subscriberId, ...news, category: 'orders' });
    expect(await ended(api, next.id)).toMatchObject([{ state: 'suppressed', decision: { reason: 'bounce' } }]);
  }
});

test('many at once are each sent once, by workflows that they share', async () => {
  const people = await Promise.all(Array.from({ length: 40 }, (_, n) => somebody(`many-${n}@example.org`)));
  const asked = await Promise.all(people.map(({ id: subscriberId }) => notify(api, { subscriberId, ...news })));
  for (const { id } of asked) expect(await ended(api, id)).toMatchObject([{ state: 'sent' }]);
  expect(mail.taken.filter(({ to }) => to.startsWith('many-'))).toHaveLength(40);
  expect(new Set(asked.map(({ workflowId }) => workflowId)).size).toBeLessThan(40);
});

describe('in quiet hours', () => {
  test('a send waits until they end; once they are lifted it is sent at once', async () => {
    const { id: subscriberId } = await somebody('quiet@example.org', { quietHours: quietNow() });
    const { id } = await notify(api, { subscriberId, ...news });
    const { deferredUntil, decision } = await sendIn(api, id, 'pending');
    expect(decision).toMatchObject({ decision: 'defer', rule: 'quiet-hours' });
    expect(Date.parse(deferredUntil)).toBeGreaterThan(Date.now() + 3_600_000);
    await api.call('PATCH', `/v1/subscribers/${subscriberId}/preferences`, { body: { quietHours: null } });
    expect(await ended(api, id)).toMatchObject([{ state: 'sent', deferredUntil: null }]);
  });

  test('an opt-out suppresses what waits', async () => {
    const { id: subscriberId } = await somebody('sleeper@example.org', { quietHours: quietNow() });
    const { id } = await notify(api, { subscriberId, ...news });
    await sendIn(api, id, 'pending');
    await optOut(api, subscriberId, 'news');
    expect(await ended(api, id)).toMatchObject([{ state: 'suppressed', decision: { rule: 'opted-out' } }]);
  });

  test('what waits can be cancelled, and its workflow ends', async () => {
    const { id: subscriberId } = await somebody('cancelled@example.org', { quietHours: quietNow() });
    const { id, workflowId } = await notify(api, { subscriberId, ...news });
    await sendIn(api, id, 'pending');
    const cancelled = await api.call('POST', `/v1/notifications/${id}/cancel`);
    expect([cancelled.status, cancelled.body.sends[0].state]).toEqual([200, 'cancelled']);
    expect((await api.call('POST', `/v1/notifications/${id}/cancel`)).status).toBe(409);
    await eventually(async () => {
      const workflow = api.pipeline.client.workflow.getHandle(workflowId);
      const description = await workflow.describe().catch(() => undefined);
      return description?.status.name === 'COMPLETED' ? true : undefined;
    });
  });

  test('what its workflow has forgotten is found by the sweep, once', async () => {
    const { id: subscriberId } = await somebody('swept@example.org', { quietHours: quietNow() });
    const { id } = await notify(api, { subscriberId, ...news });
    await sendIn(api, id, 'pending');
    await pool.query('UPDATE subscribers SET quiet_hours = NULL WHERE id = $1', [toUuid(subscriberId)]);
    await pool.query(`UPDATE sends SET next_attempt_at = now() - interval '1 minute' WHERE notification_id = $1`, [
      toUuid(id),
    ]);
    const report = await sweepNotifications(api.pipeline.platform, () => {});
    expect(report).toMatchObject({ overdue: 1, broken: 0 });
    expect(await ended(api, id)).toMatchObject([{ state: 'sent' }]);
    expect((await sweepNotifications(api.pipeline.platform, () => {})).overdue).toBe(0);
  });
});

test('a decision by outdated preferences is found, and found once', async () => {
  const { id: subscriberId } = await somebody('broken@example.org');
  const { id } = await notify(api, { subscriberId, ...news });
  await ended(api, id);
  // As if they had changed before it was sent.
  await pool.query(
    `INSERT INTO preference_versions (subscriber_id, version, at)
     SELECT subscriber_id, 2, decided_at - interval '1 millisecond' FROM send_decisions WHERE subscriber_id = $1`,
    [toUuid(subscriberId)],
  );
  expect((await sweepNotifications(api.pipeline.platform, () => {})).broken).toBe(1);
  expect((await sweepNotifications(api.pipeline.platform, () => {})).broken).toBe(0);
  expect((await measureSends(pool)).broken).toBe(1);
});

test.each([
  ['data that a place needs', { ...news, data: {} }, '#/data/name', '"name" is missing'],
  ['a subscriber', { ...news, externalId: 'nobody' }, '#/externalId', 'there is no such subscriber'],
  ['a category', { ...news, category: 'none' }, '#/category', 'there is no such category'],
  ['a topic', { topic: 'none', content, data: news.data }, '#/topic', 'there is no such topic'],
  ['a template', { category: 'news', template: 'none' }, '#/template', 'there is no such template'],
  ['something to say', { ...news, channels: ['sms'] }, '#/channels', 'there is nothing to say by sms'],
  ['an address', { category: 'news', content: { sms: { text: 'x' } } }, '#/channels', 'has no address for sms'],
  ['a postal address', { ...news, category: 'offers' }, '#/channels', 'postal address'],
])('%s is asked for', async (_name, wish, pointer, detail) => {
  const { externalId } = await somebody('eva@example.org');
  const { status, body } = await api.call('POST', '/v1/notifications', { body: { externalId, ...wish } });
  expect([status, body.errors]).toEqual([422, [{ in: 'body', pointer, detail: expect.stringContaining(detail) }]]);
});
