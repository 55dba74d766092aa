import { once } from 'node:events';
import { parse } from 'csv-parse/sync';
import type { Pool } from 'pg';
import request from 'supertest';
import { newId, type PublicId, toUuid } from '../../../core/ids';
import { sweepPreferences } from '../../../domains/preferences';
import {
  preferenceChangeWorkflowId,
  subscriberErasureWorkflowId,
  subscriberExportWorkflowId,
} from '../../../domains/preferences/rules/workflow-names';
import { evidencePlace, subscriberKey } from '../../../domains/preferences/sealing';
import { piecePlace } from '../../../domains/preferences/store/exports';
import { findSubscriber } from '../../../domains/preferences/store/subscribers';
import { createRedis } from '../../../infra/redis/client';
import { taskQueue, WORK } from '../../../infra/temporal/task-queues';
import type { TestApi } from '../../support/api-support';
import { insertEndpoint } from '../../support/fixtures';
import { reportDeath, startKillableWorker } from '../../support/killable-worker';
import {
  ended,
  type NotificationsSetUp,
  notify,
  openNotifications,
  quietNow,
  sendIn,
} from '../../support/notifications';
import { registerSubscriber } from '../../support/preferences';
import { eventually, startReceiver, type TestReceiver } from '../../support/receiver';

let setUp: NotificationsSetUp;
let api: TestApi;
let pool: Pool;
let receiver: TestReceiver;
beforeAll(async () => {
  setUp = await openNotifications({ worker: false });
  ({ api } = setUp);
  pool = api.deps.pool;
  receiver = await startReceiver();
});
afterAll(async () => {
  await setUp.close();
  await receiver.close();
});

const pathOf = (id: string) => `/v1/subscribers/${id}`;
const get = async (path: string) => (await api.call('GET', path)).body;
/** Without an API key, as whoever has the link. */
const download = (link: string) => request(api.server).get(link.replace('https://notify.example.com', ''));

async function askFor(id: string, format = 'json') {
  const answer = await api.call('POST', `${pathOf(id)}/exports`, { body: { format } });
  if (answer.status !== 202) throw new Error(answer.text);
  return answer.headers.location as string;
}

const ready = (location: string) =>
  eventually(async () => {
    const body = await get(location);
    return body.state === 'ready' ? body : undefined;
  });

const erased = (id: string) =>
  eventually(async () => {
    const body = await get(`${pathOf(id)}/erasure`);
    return body.state === 'done' ? body : undefined;
  });

/** Notifications that have been sent long ago, each with an item in the inbox. */
async function insertHistory(id: PublicId, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const [notification, item] = [newId('ntf'), newId('ibx')];
    const sealed = (place: string) => api.deps.keyring.encrypt(JSON.stringify({ title: 't', body: `n${n}` }), place);
    await pool.query(
      `WITH told AS (
         INSERT INTO notifications (id, tenant_id, subscriber_id, category, workflow_id, created_by, content_sealed)
         VALUES ($1, $2, $3, 'news', 'w', 'k', $4))
       INSERT INTO inbox_items (id, tenant_id, subscriber_id, notification_id, category, content_sealed)
       VALUES ($5, $2, $3, $1, 'news', $6)`,
      [
        toUuid(notification),
        toUuid(api.tenantId),
        toUuid(id),
        sealed(`notifications/${notification}`),
        toUuid(item),
        sealed(`inbox_items/${item}`),
      ],
    );
  }
}

const waitsForInbox = () =>
  eventually(async () => {
    const { rows } = await pool.query(
      `SELECT query FROM pg_stat_activity
       WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%inbox_items%'`,
    );
    return rows.length >= 2 ? true : undefined;
  });

describe('while a worker is killed', () => {
  // For the tests that follow, whatever becomes of this one.
  afterAll(() => setUp.startWorker());

  test('an export and an erasure whose worker is killed are finished by another, with nothing twice and nothing missing', async () => {
    const [kept, gone] = [await registerSubscriber(api), await registerSubscriber(api)];
    for (const { id } of [kept, gone]) await insertHistory(id, 70);
    const victim = await startKillableWorker(api.pipeline, ['notifications']);
    const lock = await pool.connect();
    await lock.query('BEGIN; LOCK TABLE inbox_items IN ACCESS EXCLUSIVE MODE');
    const location = await askFor(kept.id);
    expect((await api.call('POST', `${pathOf(gone.id)}/erasure`)).body).toMatchObject({
      state: 'erasing',
      doneAt: null,
    });
    await waitsForInbox();
    expect(await get(location)).toMatchObject({ state: 'collecting', counts: { notifications: 70 }, link: null });
    expect((await get(`${pathOf(gone.id)}/erasure`)).counts).toMatchObject({ contents: 70, inboxItems: 0 });
    victim.kill('SIGKILL');
    await once(victim, 'exit');
    await lock.query('ROLLBACK');
    lock.release();
    const exportId = location.slice(location.lastIndexOf('/') + 1);
    const workflows = [subscriberExportWorkflowId(exportId), subscriberErasureWorkflowId(gone.id)];
    await reportDeath(api.pipeline.platform, workflows);

    await setUp.startWorker();
    const { counts, link, bytes } = await ready(location);
    expect(counts).toMatchObject({ subscriber: 1, notifications: 70, inbox: 70 });
    const { text } = await download(link);
    expect(Buffer.byteLength(text)).toBe(bytes);
    const { notifications, inbox } = JSON.parse(text);
    for (const [list, name] of [
      [notifications, 'content'],
      [inbox, 'content'],
    ] as const) {
      const bodies = list.map((record: Record<string, { body: string }>) => record[name]?.body);
      expect(bodies).toEqual(Array.from({ length: 70 }, (_, n) => `n${n}`));
    }
    expect((await erased(gone.id)).counts).toMatchObject({ contents: 70, inboxItems: 70, pendingSends: 0 });
  });
});

test('an export has everything that is held, as JSON and as CSV, for whoever has its link', async () => {
  const endpoint = await insertEndpoint(pool, api.deps.keyring, api.tenantId, {
    url: receiver.url,
    patterns: ['none'],
  });
  const { id } = await registerSubscriber(api, {
    externalId: '=cmd()',
    timeZone: 'Asia/Riyadh',
    quietHours: { start: '03:00', end: '03:01' },
    profile: { name: '=HYPERLINK("x")' },
    destinations: [
      { channel: 'email', address: 'Exported@Example.com' },
      { channel: 'sms', address: '+49 30 1234567' },
      { channel: 'webhook', address: endpoint.id },
    ],
  });
  const evidence = { form: 'footer' };
  const choices = [{ category: 'offers', channel: 'email' }];
  await api.call('POST', `${pathOf(id)}/preferences/opt-out`, { body: { choices, evidence } });
  const complaint = { channel: 'sms', address: '0049301234567', reason: 'complaint', evidence: { ticket: 'T1' } };
  await api.call('POST', '/v1/suppressions', { body: complaint });
  const content = {
    email: { subject: 'S', text: 'Dear {{name}}' },
    sms: { text: 'x' },
    in_app: { title: 'T', body: 'B' },
    webhook: { title: 'W', body: 'B' },
  };
  const told = await notify(api, { subscriberId: id, category: 'news', content, data: { name: 'Ada' } });
  await ended(api, told.id);

  const location = await askFor(id);
  const { link, expiresAt, readyAt } = await ready(location);
  expect(Date.parse(expiresAt) - Date.parse(readyAt)).toBe(86_400_000);
  const answer = await download(link);
  expect(answer.headers).toMatchObject({
    'content-type': 'application/json; charset=utf-8',
    'content-disposition': expect.stringMatching(/^attachment; filename="sxp_[0-9a-f]{32}\.json"$/),
    'cache-control': 'no-store',
  });
  const { body } = answer;
  expect(body.subscriber).toMatchObject({ id, externalId: '=cmd()', quietHours: { start: '03:00' } });
  expect(body.subscriber.profile).toEqual({ name: '=HYPERLINK("x")' });
  expect(body.destinations.map(({ address }: { address: string }) => address)).toEqual([
    'Exported@Example.com',
    '+49 30 1234567',
    endpoint.id,
  ]);
  expect(body.preferences).toMatchObject([{ level: 'category', key: 'offers', channel: 'email', value: false }]);
  expect(body.suppressions).toMatchObject([
    { reason: 'complaint', address: '0049301234567', evidence: { ticket: 'T1' }, createdBy: expect.any(String) },
  ]);
  expect(body.consent).toMatchObject([
    { seq: 1, action: 'opt_out', evidence },
    { seq: 2, action: 'suppressed', prevHash: body.consent[0].hash },
  ]);
  expect(body.consentProof).toMatchObject({ verified: true, entries: 2, head: { hash: body.consent[1].hash } });
  expect(body.changes).toMatchObject([{ kind: 'opt_out' }]);
  expect(body.notifications).toMatchObject([{ id: told.id, content: { email: { text: 'Dear Ada' } } }]);
  const states = body.notifications[0].sends.map((send: { channel: string; state: string; decisions: unknown[] }) => [
    send.channel,
    send.state,
    send.decisions.length,
  ]);
  expect(states.sort()).toEqual([
    ['email', 'sent', 1],
    ['in_app', 'sent', 1],
    ['sms', 'suppressed', 1],
    ['webhook', 'sent', 1],
  ]);
  expect(body.inbox).toMatchObject([{ notificationId: told.id, content: { title: 'T' } }]);

  const csv = await download((await ready(await askFor(id, 'csv'))).link);
  expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8');
  const lines = parse(csv.text) as string[][];
  expect(lines).toContainEqual(['subscriber', '1', 'externalId', "'=cmd()"]);
  expect(lines).toContainEqual(['subscriber', '1', 'profile.name', `'=HYPERLINK("x")`]);
  expect(lines).toContainEqual(['destinations', '2', 'address', "'+49 30 1234567"]);
  expect(lines).toContainEqual(['notifications', '1', 'content.email.text', 'Dear Ada']);
  const { data } = await get(`${pathOf(id)}/exports`);
  expect(data.map(({ format }: { format: string }) => format)).toEqual(['csv', 'json']);
  const { rows } = await pool.query(
    `SELECT action, actor FROM finance_audit_log WHERE tenant_id = $1 AND subject = $2 ORDER BY seq`,
    [toUuid(api.tenantId), location.slice(location.lastIndexOf('/') + 1)],
  );
  expect(rows).toMatchObject([
    { action: 'subscriber.export_requested' },
    { action: 'subscriber.export_downloaded', actor: 'download_link' },
  ]);
});

test('a link that nobody has made is 404; that of an export that has expired, or was removed, is 410', async () => {
  const { id } = await registerSubscriber(api);
  const location = await askFor(id);
  const { link, id: exportId } = await ready(location);
  const altered = `${link.slice(0, -4)}${link.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`;
  for (const unknown of [altered, '/d/x', '/d/%00']) expect((await download(unknown)).status).toBe(404);
  const refused = async () => {
    const answer = await download(link);
    return [answer.status, answer.headers['content-type'], answer.body.type];
  };
  const gone = [410, expect.stringMatching(/^application\/problem\+json/), '/docs/problems#gone'];
  await pool.query('UPDATE subscriber_exports SET expires_at = now() WHERE id = $1', [toUuid(exportId)]);
  expect(await refused()).toEqual(gone);
  expect(await get(location)).toMatchObject({ state: 'expired', link: null });
  expect(await sweepPreferences(api.deps, () => undefined)).toMatchObject({ exportsRemoved: 1 });
  expect(await refused()).toEqual(gone);
  expect((await api.call('GET', location)).status).toBe(404);
  const { rows } = await pool.query('SELECT FROM subscriber_export_pieces WHERE export_id = $1', [toUuid(exportId)]);
  expect(rows).toEqual([]);
});

test('who may read subscribers may not export them', async () => {
  const { id } = await registerSubscriber(api);
  const key = await api.newKey(['subscribers:read', 'subscribers:write', 'notifications:read']);
  const answer = await api.call('POST', `${pathOf(id)}/exports`, { key, body: {} });
  expect(answer.status).toBe(403);
});

test('an export or erasure whose workflow was never started is carried out by the sweep', async () => {
  const { id } = await registerSubscriber(api);
  const effect = newId('sxp');
  await pool.query(
    `INSERT INTO subscriber_exports (id, tenant_id, subscriber_id, format, requested_by, due_at)
     VALUES ($1, $2, $3, 'json', 'k', now())`,
    [toUuid(effect), toUuid(api.tenantId), toUuid(id)],
  );
  expect((await sweepPreferences(api.deps, () => undefined)).resumed).toBe(1);
  await ready(`${pathOf(id)}/exports/${effect}`);
});

describe('what was planted about somebody', () => {
  const planted = {
    address: 'planted-address@example.org',
    phone: '+4930555000111',
    name: 'Planted-Name',
    id: 'planted-id',
    text: 'Planted-Text',
    ip: 'planted-198.51.100.7',
  };
  const forbidden = Object.values(planted).flatMap((text) => [
    text,
    Buffer.from(text).toString('hex'),
    Buffer.from(text).toString('base64').slice(0, 12),
  ]);
  let id: PublicId;
  let link: string;
  let before: { history: string; evidence: Buffer; changeId: string; piece: Buffer; exportId: string };
  let held: () => void;
  let inFlight: PublicId;
  let pending: PublicId;

  const historyOf = async (workflowId: string) => {
    const text = JSON.stringify(await api.pipeline.client.workflow.getHandle(workflowId).fetchHistory());
    const payloads = [...text.matchAll(/"data":"([^"]*)"/g)].map(([, data = '']) => Buffer.from(data, 'base64'));
    return [text, ...payloads.map(String)].join('\n');
  };

  async function tables(): Promise<string> {
    const { rows } = await pool.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    let text = '';
    for (const { name } of rows) {
      const { rows: lines } = await pool.query<{ line: string }>(`SELECT t::text AS line FROM ${name} t`);
      text += lines.map(({ line }) => line).join('\n');
    }
    return text;
  }

  async function histories(): Promise<string> {
    let text = '';
    const queues = WORK.map((work) => `"${taskQueue(api.pipeline.config, work)}"`);
    for await (const { workflowId, memo } of api.pipeline.client.workflow.list({
      query: `TaskQueue IN (${queues.join(', ')})`,
    })) {
      text += JSON.stringify(memo) + (await historyOf(workflowId));
    }
    return text;
  }

  async function redis(): Promise<string> {
    const client = createRedis(process.env.REDIS_URL, '', api.deps.log);
    if (client === undefined) return '';
    await new Promise((resolve) => client.once('ready', resolve));
    let text = '';
    for await (const keys of client.scanStream({ count: 1_000 })) {
      for (const key of keys as string[]) {
        // With the prefix's colon taken away, which the client puts before it.
        const dump = await client.dumpBuffer(key.replace(/^:/, ''));
        text += `${key} ${dump?.toString('latin1') ?? ''}`;
      }
    }
    client.disconnect();
    return text;
  }

  const found = (text: string) => forbidden.filter((word) => text.includes(word));

  beforeAll(async () => {
    const endpoint = await insertEndpoint(pool, api.deps.keyring, api.tenantId, {
      url: receiver.url,
      patterns: ['preference.changed'],
    });
    const subscriber = await registerSubscriber(api, {
      externalId: planted.id,
      timeZone: 'UTC',
      profile: { name: planted.name },
      destinations: [
        { channel: 'email', address: planted.address },
        { channel: 'sms', address: planted.phone },
        { channel: 'webhook', address: endpoint.id },
      ],
    });
    id = subscriber.id;
    const evidence = { ip: planted.ip };
    const { body: change } = await api.call('POST', `${pathOf(id)}/preferences/opt-out`, {
      body: { choices: [{ category: 'offers' }], evidence },
    });
    const suppression = { channel: 'sms', address: planted.phone, reason: 'complaint', evidence: { n: planted.name } };
    await api.call('POST', '/v1/suppressions', { body: suppression });
    const content = {
      email: { subject: planted.text, text: 'Dear {{name}}' },
      in_app: { title: planted.text, body: 'Dear {{name}}' },
      webhook: { title: planted.text, body: 'Dear {{name}}' },
    };
    const wish = { subscriberId: id, category: 'news', content, data: { name: planted.name } };
    setUp.mail.refuse.set(planted.address, `550 5.7.1 <${planted.address}> is not welcome`);
    await ended(api, (await notify(api, wish)).id);
    ({ link } = await ready(await askFor(id)));
    const exportId = link === '' ? '' : (await get(`${pathOf(id)}/exports`)).data[0].id;

    const history = await eventually(async () => {
      const text = await historyOf(preferenceChangeWorkflowId(change.changeId));
      return /"evidence":"/.test(text) ? text : undefined;
    });
    const sealed = /"evidence":"([^"]*)"/.exec(history)?.[1] ?? '';
    const { rows } = await pool.query(
      'SELECT sealed FROM subscriber_export_pieces WHERE export_id = $1 AND number = 0',
      [toUuid(exportId)],
    );
    before = {
      history,
      evidence: Buffer.from(sealed, 'base64'),
      changeId: change.changeId,
      piece: rows[0].sealed,
      exportId,
    };

    // One that is on the wire while they are erased, and one that waits.
    let arrived: () => void;
    const onWire = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const release = new Promise<void>((resolve) => {
      held = resolve;
    });
    setUp.mail.refuse.set(planted.address, async () => {
      arrived();
      await release;
      return `451 4.7.1 <${planted.address}> later`;
    });
    inFlight = (await notify(api, { ...wish, content: { email: content.email } })).id;
    await onWire;
    const body = { quietHours: quietNow() };
    await api.call('PATCH', `${pathOf(id)}/preferences`, { body });
    pending = (await notify(api, { ...wish, content: { in_app: content.in_app } })).id;
    await sendIn(api, pending, 'pending');
  });

  test('can be read before they are erased', async () => {
    const subscriber = await findSubscriber(pool, api.tenantId, id);
    const ring = subscriber && subscriberKey(api.deps.keyring, subscriber);
    expect(ring?.decrypt(before.evidence, evidencePlace(before.changeId))).toContain(planted.ip);
    expect(ring?.decrypt(before.piece, piecePlace(before.exportId, 0))).toContain(planted.name);
    expect((await download(link)).text).toContain(planted.text);
    expect(found(await tables())).not.toEqual([]);
    expect(found(await histories())).toEqual([]);
  });

  test('is gone afterwards; what was on the wire ends, what waited is cancelled, and endpoints are told', async () => {
    expect((await api.call('DELETE', pathOf(id))).status).toBe(204);
    expect((await api.call('GET', pathOf(id))).status).toBe(404);
    await eventually(async () => ((await get(`${pathOf(id)}/erasure`)).counts.pendingSends === 1 ? true : undefined));
    expect(await get(`${pathOf(id)}/erasure`)).toMatchObject({ state: 'erasing' });
    expect(await get(`/v1/notifications/${inFlight}`)).toMatchObject({ sends: [{ state: 'sending' }] });
    held();
    const { counts, requestedBy } = await erased(id);
    expect(requestedBy).toMatch(/^key_/);
    expect(counts).toEqual({
      destinations: 3,
      choices: 1,
      suppressionDetails: 1,
      exports: 1,
      pendingSends: 2,
      contents: 3,
      inboxItems: 1,
      messages: 1,
      traces: expect.any(Number),
    });
    expect(await ended(api, inFlight)).toMatchObject([{ state: 'suppressed', attempts: 1, lastError: null }]);
    expect(await ended(api, pending)).toMatchObject([{ state: 'suppressed', decision: { rule: 'erased' } }]);
    const told = await eventually(() =>
      receiver.received
        .map(({ body }) => JSON.parse(body))
        .find(({ type, data }) => type === 'preference.changed' && data.kind === 'erased' && data.subscriberId === id),
    );
    expect(found(JSON.stringify(told))).toEqual([]);
    const again = await api.call('POST', `${pathOf(id)}/erasure`);
    expect([again.status, again.body.state]).toEqual([202, 'done']);
  });

  test('stands in no table, in no history and not in Redis', async () => {
    expect(found(await tables())).toEqual([]);
    expect(found(await histories())).toEqual([]);
    expect(found(await redis())).toEqual([]);
  });

  test('cannot be read from a history or an export that was copied before', async () => {
    expect(before.history).toContain('"evidence":"');
    const subscriber = await findSubscriber(pool, api.tenantId, id);
    expect(subscriber && subscriberKey(api.deps.keyring, subscriber)).toBeUndefined();
    const { keyring } = api.deps;
    for (const [sealed, place] of [
      [before.evidence, evidencePlace(before.changeId)],
      [before.piece, piecePlace(before.exportId, 0)],
    ] as const) {
      expect(() => keyring.decrypt(sealed, place)).toThrow('which is not in WAYBILL_KEYS');
    }
    const answer = await download(link);
    expect([answer.status, answer.body.type]).toEqual([410, '/docs/problems#gone']);
  });

  test('still keeps their address from being written to, and the record whole', async () => {
    const back = await registerSubscriber(api, { destinations: [{ channel: 'sms', address: planted.phone }] });
    const { body } = await api.call('GET', `${pathOf(back.id)}/check?channel=sms&category=orders`);
    expect(body).toMatchObject({ decision: 'deny', rule: 'suppressed', reason: 'complaint' });
    expect(await get(`${pathOf(id)}/consent/verify`)).toMatchObject({ verified: true });
  });
});

test('nothing is accepted for somebody who is being erased', async () => {
  const { id } = await registerSubscriber(api, { destinations: [{ channel: 'email', address: 'race@example.org' }] });
  const waits = (statement: string) =>
    eventually(async () => {
      const { rows } = await pool.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
           AND query LIKE '%' || $1 || '%'`,
        [statement],
      );
      return rows.length > 0 ? true : undefined;
    });
  const other = await pool.connect();
  await other.query('BEGIN');
  await other.query('SELECT FROM destinations WHERE subscriber_id = $1 FOR UPDATE', [toUuid(id)]);
  const erasing = api.call('DELETE', pathOf(id));
  await waits('DELETE FROM destinations');
  const content = { email: { subject: 's', text: 't' } };
  const accepting = api.call('POST', '/v1/notifications', { body: { subscriberId: id, category: 'news', content } });
  await waits('INSERT INTO notifications');
  await other.query('COMMIT');
  other.release();
  expect([(await erasing).status, (await accepting).status]).toEqual([204, 422]);
  const { rows } = await pool.query('SELECT FROM notifications WHERE subscriber_id = $1', [toUuid(id)]);
  expect(rows).toEqual([]);
});
