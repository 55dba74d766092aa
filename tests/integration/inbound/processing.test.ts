import { once } from 'node:events';
import type { Pool, QueryConfig } from 'pg';
import { newIdAt, toUuid } from '../../../core/ids';
import { sweepInbound } from '../../../domains/inbound';
import { findByKey, storeEvents } from '../../../domains/inbound/store/accept';
import { listEvents } from '../../../domains/inbound/store/events';
import { leaseEvents, moveOverdue, openEvents, recordOutcomes } from '../../../domains/inbound/store/processing';
import { countRefusals, forgetRefusals, listBlocks } from '../../../domains/inbound/store/refusals';
import { forgetContents, measureOverdue, removeEvents } from '../../../domains/inbound/store/retention';
import { readOpenSource } from '../../../domains/inbound/store/secrets';
import { createApi, type TestApi } from '../../support/api-support';
import { insertEndpoint } from '../../support/fixtures';
import { createSource, standardWebhook, type TestSource } from '../../support/inbound';
import { startKillableWorker } from '../../support/killable-worker';
import { eventually, startReceiver, type TestReceiver } from '../../support/receiver';

let api: TestApi;
let receiver: TestReceiver;
let pool: Pool;
let worker: Promise<unknown> | undefined;

/** Not from the start: the first test has a worker of its own. */
function startWorker(): Promise<unknown> {
  worker ??= api.pipeline.startWorker();
  return worker;
}

beforeAll(async () => {
  api = await createApi(
    {},
    { WAYBILL_INBOUND_SWEEP_GRACE: '0s', WAYBILL_HISTORY_RETENTION: '1m', WAYBILL_OWN_WORKFLOWS_PER_SECOND: '1' },
  );
  pool = api.pipeline.database.pool;
  receiver = await startReceiver();
  await insertEndpoint(pool, api.deps.keyring, api.tenantId, { url: receiver.url });
});
afterAll(async () => {
  await receiver.close();
  await api.close();
});

interface Row {
  id: string;
  state: string;
  attempts: number;
  workflow_id: string;
  message_id: string | null;
  claim: string | null;
}

async function eventsOf({ id }: TestSource): Promise<Row[]> {
  const { rows } = await pool.query('SELECT * FROM inbound_events WHERE source_id = $1 ORDER BY id', [toUuid(id)]);
  return rows;
}

/** Statements of this database that wait for a lock. */
async function waiting(table: string): Promise<number[]> {
  const { rows } = await pool.query(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE $1`,
    [`%${table}%`],
  );
  return rows.map(({ pid }) => pid);
}

test('a worker killed after it has published and before it has said so: the event is processed once', async () => {
  const source = await createSource(api, { route: { to: 'endpoints', eventType: 'killed' } });
  const child = await startKillableWorker(api.pipeline);
  const messages = await pool.connect();
  await messages.query('BEGIN; LOCK TABLE messages IN SHARE ROW EXCLUSIVE MODE');
  expect((await source.send(standardWebhook(source.secret, '{"n":1}'))).status).toBe(202);
  await eventually(async () => (await eventsOf(source))[0]?.claim ?? undefined);
  const events = await pool.connect();
  await events.query('BEGIN');
  await events.query('SELECT FROM inbound_events WHERE source_id = $1 FOR UPDATE', [toUuid(source.id)]);
  await messages.query('ROLLBACK');
  messages.release();
  // It has published, and would record it.
  await receiver.waitFor(1);
  const recording = await eventually(async () => {
    const pids = await waiting('UPDATE inbound_events');
    return pids.length > 0 ? pids : undefined;
  });
  child.removeAllListeners('exit');
  child.kill('SIGKILL');
  await once(child, 'exit');
  // Postgres would carry out what it was sent before.
  for (const pid of recording) await pool.query('SELECT pg_terminate_backend($1)', [pid]);
  await events.query('ROLLBACK');
  events.release();
  expect(await eventsOf(source)).toEqual([expect.objectContaining({ state: 'pending', claim: expect.any(String) })]);

  await startWorker();
  const [processed] = await eventually(async () => {
    const rows = await eventsOf(source);
    return rows[0]?.state === 'processed' ? rows : undefined;
  });
  expect(processed).toMatchObject({ attempts: 1, claim: null });
  const { rows } = await pool.query("SELECT id FROM messages WHERE event_type = 'killed'");
  expect(rows).toEqual([{ id: processed?.message_id }]);
  expect(receiver.received.filter(({ body }) => body.includes('"killed"'))).toHaveLength(1);
});

test('under load events share workflows, and each is processed once', async () => {
  await startWorker();
  const source = await createSource(api, { route: { to: 'endpoints', eventType: 'load' } });
  const answers = await Promise.all(
    Array.from({ length: 80 }, (_, n) => source.send(standardWebhook(source.secret, `{"n":${n}}`))),
  );
  expect(answers.filter(({ status }) => status !== 202)).toEqual([]);
  const rows = await eventually(async () => {
    const found = await eventsOf(source);
    return found.every(({ state }) => state === 'processed') ? found : undefined;
  });
  expect(new Set(rows.map(({ message_id }) => message_id)).size).toBe(80);
  // Two at once have one of their own, and one a second.
  expect(new Set(rows.map(({ workflow_id }) => workflow_id)).size).toBeLessThan(40);
});

test('the sweep finds events whose workflow was never started, with one workflow for all', async () => {
  await startWorker();
  const source = await createSource(api, { route: { to: 'handler', handler: 'keep' } });
  await pool.query(
    `INSERT INTO inbound_events (id, tenant_id, source_id, key, workflow_id, headers, body, body_size, created_at, next_attempt_at)
     SELECT gen_random_uuid(), $1, $2, i::text::bytea, 'inbound/lost-' || i, '{}', 'x', 1, now(), now() - interval '1 hour'
     FROM generate_series(1, 300) i`,
    [toUuid(api.tenantId), toUuid(source.id)],
  );
  const report = await sweepInbound(api.pipeline.platform, () => {});
  expect(report.overdue).toBe(300);
  const rows = await eventually(async () => {
    const found = await eventsOf(source);
    return found.every(({ state }) => state === 'processed') ? found : undefined;
  });
  expect(new Set(rows.map(({ workflow_id }) => workflow_id))).toEqual(new Set(['inbound/overdue']));
  expect((await sweepInbound(api.pipeline.platform, () => {})).overdue).toBe(0);
});

test('what has been kept long enough is forgotten, but never what recognises repetitions, nor what waits', async () => {
  const source = await createSource(api, { route: { to: 'handler', handler: 'keep' } });
  const hours = (ago: number) => newIdAt('inb', Date.now() - ago * 3_600_000);
  const young = hours(1.5);
  const old = hours(3);
  const ancient = hours(31 * 24);
  const waits = hours(3);
  for (const [id, state] of [
    [young, 'processed'],
    [old, 'processed'],
    [ancient, 'failed'],
    [waits, 'pending'],
  ]) {
    await pool.query(
      `INSERT INTO inbound_events (id, tenant_id, source_id, key, state, workflow_id, headers, body, body_size, created_at, next_attempt_at)
       VALUES ($1, $2, $3, $5, $4, 'w', '{"a":"b"}', 'x', 1, now(), now() + interval '1 hour')`,
      [toUuid(id ?? ''), toUuid(api.tenantId), toUuid(source.id), state, Buffer.from(id ?? '')],
    );
  }
  await sweepInbound(api.pipeline.platform, () => {});
  const left = (await eventsOf(source)).map(({ id }) => id.replaceAll('-', ''));
  expect(left.sort()).toEqual([toUuid(young), toUuid(waits)].sort());
});

test('a content is forgotten before its event', async () => {
  const kept = newIdAt('inb', Date.now() - 3_600_000);
  const source = await createSource(api, { route: { to: 'handler', handler: 'keep' } });
  await pool.query(
    `INSERT INTO inbound_events (id, tenant_id, source_id, key, state, workflow_id, headers, body, body_size, created_at)
     VALUES ($1, $2, $3, 'k', 'failed', 'w', '{"a":"b"}', 'x', 1, now())`,
    [toUuid(kept), toUuid(api.tenantId), toUuid(source.id)],
  );
  expect(await forgetContents(pool, Date.now(), 1_000)).toBeGreaterThan(0);
  const { body } = await api.call('GET', `/v1/inbound/events/${kept}`);
  expect(body).toMatchObject({ contentExpired: true, body: null, headers: {} });
  const retried = await api.call('POST', `/v1/inbound/events/${kept}/retry`);
  expect([retried.status, retried.body.detail]).toEqual([409, expect.stringContaining('forgotten')]);
});

test('every statement finds its rows by an index', async () => {
  const source = await createSource(api, { route: { to: 'handler', handler: 'keep' } });
  const plans: string[] = [];
  const db = explaining(pool, plans);
  await pool.query('ANALYZE inbound_events; ANALYZE inbound_sources; ANALYZE inbound_refusals');
  const event = {
    id: newIdAt('inb', Date.now()),
    tenantId: api.tenantId,
    sourceId: source.id,
    revision: 1,
    address: '192.0.2.1',
    externalId: undefined,
    key: Buffer.from('plan'),
    workflowId: 'inbound/plans',
    headers: {},
    body: Buffer.from('{}'),
    createdAt: new Date(),
  };
  await readOpenSource(db, source.id);
  await storeEvents(db, [event]);
  await findByKey(db, source.id, event.key);
  const terms = { workflowId: 'inbound/plans', claim: crypto.randomUUID(), leaseMs: 1, limit: 10, maxBytes: 100 };
  await leaseEvents(db, terms);
  await recordOutcomes(db, terms.claim, [{ id: event.id, outcome: { state: 'pending', error: 'x', delayMs: 1 } }]);
  await openEvents(db, 'inbound/plans');
  await moveOverdue(db, 1_000, 10);
  await countRefusals(db, [{ sourceId: source.id, address: 'a', count: 1 }], { after: 1, windowMs: 1, forMs: 1 });
  await listBlocks(db, source.id, 10);
  await forgetRefusals(db, 10);
  await forgetContents(db, 0, 10);
  await removeEvents(db, 0, 10);
  await measureOverdue(db);
  await listEvents(db, api.tenantId, { state: 'failed', sourceId: source.id }, { order: 'desc', limit: 10 });
  expect(plans.length).toBeGreaterThan(13);
  expect(plans.filter((plan) => /Seq Scan|SubPlan.*\n.*using inbound_sources_by_tenant/.test(plan))).toEqual([]);
  const storing = plans.find((plan) => plan.includes('INSERT INTO inbound_events'));
  expect(storing).toMatch(/using inbound_sources_pkey.*using inbound_refusals_pkey/s);
});

/** The pool, each of whose statements is first explained. */
function explaining(target: Pool, plans: string[]): Pool {
  return new Proxy(target, {
    get: (pool, name, receiver) => {
      if (name !== 'query') return Reflect.get(pool, name, receiver);
      return async (query: QueryConfig) => {
        const { rows } = await pool.query({ text: `EXPLAIN ${query.text}`, values: query.values ?? [] });
        plans.push(`${query.text}\n${rows.map((row) => row['QUERY PLAN']).join('\n')}`);
        return pool.query(query);
      };
    },
  });
}
