import { newId, type PublicId, toUuid } from '../../../core/ids';
import { addDays, businessDay, lastClosedDate } from '../../../domains/merchants/rules/business-day';
import type { FeeSchedule } from '../../../domains/merchants/store/fee-schedules';
import { settlementDeps } from '../../../domains/settlement/deps';
import {
  SETTLEMENT_WORKFLOWS,
  settlementLauncherId,
  settlementWorkflowId,
} from '../../../domains/settlement/rules/workflow-names';
import { ensureRun } from '../../../domains/settlement/store/settlement-runs';
import { watchSettlements } from '../../../domains/settlement/watchdog';
import { taskQueue } from '../../../infra/temporal/task-queues';
import { createApi, type TestApi } from '../../support/api-support';
import { insertBusiness, insertFeeSchedule, insertMerchant } from '../../support/finance';
import { eventually, startReceiver, type TestReceiver } from '../../support/receiver';
import { during, happen, rowsOf } from '../../support/settlement';
import { tamperWith } from '../../support/tamper';

const BASE = '/api/v2/finance/settlement';
const UTC = { timeZone: 'UTC', cutoff: '23:59' };

let api: TestApi;
let receiver: TestReceiver;
let last: string;

beforeAll(async () => {
  api = await createApi();
  await api.pipeline.startWorker();
  receiver = await startReceiver();
  last = lastClosedDate(new Date(), UTC);
});
afterAll(async () => {
  await receiver.close();
  await api.close();
});

interface Shop {
  tenantId: PublicId;
  key: string;
  merchantId: PublicId;
  schedule: FeeSchedule;
}

async function shop(firstDate: string): Promise<Shop> {
  const { pool } = api.pipeline.database;
  const { tenantId, key } = await api.newTenant();
  await insertBusiness(pool, tenantId, { timeZone: 'UTC', firstDate });
  const schedule = await insertFeeSchedule(pool, tenantId);
  const { id: merchantId } = await insertMerchant(pool, tenantId);
  return { tenantId, key, merchantId, schedule };
}

const sell = (tea: Shop, amount: bigint, at: Date) =>
  happen(api.pipeline.database.pool, tea.tenantId, tea.schedule, {
    kind: 'capture',
    amount,
    merchantId: tea.merchantId,
    currency: 'EUR',
    at,
  });

const command = (tea: Shop, path: string) =>
  api.call('POST', `${BASE}${path}`, { key: tea.key, headers: { 'idempotency-key': crypto.randomUUID() } });
const get = (tea: Shop, path: string) => api.call('GET', `${BASE}${path}`, { key: tea.key });

async function until(tea: Shop, date: string, status: string) {
  return eventually(
    async () => {
      const answer = await get(tea, `/${date}`);
      return answer.body.status === status ? answer.body : undefined;
    },
    30_000,
    () => `${date} is not ${status}`,
  );
}

async function tamper(tea: Shop, by: number): Promise<void> {
  await tamperWith(
    api.pipeline.database.pool,
    'UPDATE settlement_items SET gross = gross + $2, net = net + $2 WHERE tenant_id = $1',
    [toUuid(tea.tenantId), by],
  );
}

test('without a date the last day that is over is settled, its statements can be read, and endpoints are told', async () => {
  const tea = await shop(last);
  await api.call('POST', '/v1/endpoints', {
    key: tea.key,
    body: { url: `${receiver.url}/settled`, eventTypes: ['settlement.completed'] },
  });
  await sell(tea, 10_000n, during(last, 5));
  const answer = await command(tea, '/trigger');
  expect(answer.status).toBe(202);
  expect(answer.headers.location).toBe(`${BASE}/${last}`);
  const run = await until(tea, last, 'completed');
  expect(run).toMatchObject({
    date: last,
    trigger: 'manual',
    transactions: '1',
    late: '0',
    totals: [{ currency: 'EUR', merchants: '1', grossSales: '10000', fees: '320', net: '9680', paidOut: '9680' }],
  });
  const statements = await get(tea, `/${last}/merchants/${tea.merchantId}`);
  expect(statements.body.data).toMatchObject([{ currency: 'EUR', grossSales: '10000', paidOut: '9680', closing: '0' }]);
  expect((await get(tea, '/history')).body.data).toMatchObject([{ date: last, status: 'completed' }]);
  expect((await get(tea, '/stats/summary')).body).toMatchObject({
    runs: { total: 1, completed: 1 },
    successRate: 1,
    transactions: '1',
    totals: [{ currency: 'EUR', net: '9680' }],
  });
  const tooMany = await get(tea, '/stats/summary?from=2020-01-01&to=2026-11-30');
  expect([tooMany.status, tooMany.body.errors?.[0]]).toMatchObject([422, { in: 'query', pointer: '#/from' }]);
  expect((await get(tea, '/audit/verify')).body).toMatchObject({ verified: true });
  const told = await eventually(() => receiver.received.find((request) => request.path.endsWith('/settled')));
  expect(JSON.parse(told.body)).toMatchObject({
    type: 'settlement.completed',
    data: { date: last, totalsHash: run.totalsHash },
  });

  const again = await command(tea, `/trigger/${last}`);
  expect([again.status, again.body.id, again.body.status]).toEqual([200, run.id, 'completed']);
  expect((await command(tea, `/retry/${last}`)).status).toBe(409);
});

test('I16: twenty at once make one run', async () => {
  const tea = await shop(last);
  const answers = await Promise.all(Array.from({ length: 20 }, () => command(tea, `/trigger/${last}`)));
  const statuses = answers.map(({ status }) => status);
  expect(statuses.filter((status) => status === 202)).toHaveLength(1);
  expect(statuses.every((status) => [200, 202, 409].includes(status))).toBe(true);
  await until(tea, last, 'completed');
  const { rows } = await api.pipeline.database.pool.query('SELECT attempt FROM settlement_runs WHERE tenant_id = $1', [
    toUuid(tea.tenantId),
  ]);
  expect(rows).toEqual([{ attempt: 1 }]);
});

test('days that are not over, that lie before the first one, or do not exist are refused', async () => {
  const tea = await shop(last);
  const open = await command(tea, `/trigger/${addDays(last, 1)}`);
  expect([open.status, open.body.type]).toEqual([422, '/docs/problems#period-open']);
  expect(open.body.detail).toContain(`the last closed day is ${last}`);
  expect((await command(tea, `/trigger/${addDays(last, -1)}`)).status).toBe(422);
  expect((await command(tea, '/trigger/2026-02-30')).status).toBe(404);
  expect((await get(tea, `/${last}`)).status).toBe(404);
  const { key } = await api.newTenant();
  const nobody = await api.call('POST', `${BASE}/trigger`, {
    key,
    headers: { 'idempotency-key': crypto.randomUUID() },
  });
  expect([nobody.status, nobody.body.detail]).toEqual([409, expect.stringContaining('PATCH /v1/business')]);
});

test('a dry run shows the statements and changes nothing', async () => {
  const tea = await shop(last);
  await sell(tea, 10_000n, during(last, 5));
  const answer = await command(tea, `/trigger/${last}?dryRun=true`);
  expect([answer.status, answer.body]).toMatchObject([
    200,
    { date: last, data: [{ grossSales: '10000', net: '9680' }] },
  ]);
  expect((await get(tea, '/history')).body.data).toEqual([]);
});

test('a dry run of a day that was settled, or is held for review, shows what is in it', async () => {
  const tea = await shop(addDays(last, -1));
  const { pool } = api.pipeline.database;
  await sell(tea, 10_000n, during(addDays(last, -1), 5));
  await sell(tea, 5_000n, during(last, 5));
  await command(tea, `/trigger/${addDays(last, -1)}`);
  await until(tea, addDays(last, -1), 'completed');
  await sell(tea, 700n, during(addDays(last, -1), 6));
  const done = await command(tea, `/trigger/${addDays(last, -1)}?dryRun=true`);
  expect(done.body.data).toMatchObject([{ grossSales: '10000', net: '9680', paidOut: '9680', transactions: '1' }]);

  await pool.query('UPDATE merchants SET payout_minimum = 1000000 WHERE id = $1', [toUuid(tea.merchantId)]);
  const preview = await command(tea, `/trigger/${last}?dryRun=true`);
  expect(preview.body.data).toMatchObject([{ grossSales: '5700', transactions: '2', late: '1', paidOut: '0' }]);
  await tamper(tea, 1);
  await command(tea, `/trigger/${last}`);
  await until(tea, last, 'needs_review');
  await tamper(tea, -1);
  await sell(tea, 900n, during(last, 7));
  expect((await command(tea, `/trigger/${last}?dryRun=true`)).body).toEqual(preview.body);
});

test('missed days are settled first, in their order', async () => {
  const first = addDays(last, -3);
  const tea = await shop(first);
  for (let offset = 0; offset < 4; offset++) await sell(tea, 1_000n, during(addDays(first, offset), 3));
  await command(tea, `/trigger/${last}`);
  await until(tea, last, 'completed');
  const { body } = await get(tea, '/history?order=asc');
  expect(
    body.data.map(({ date, trigger, transactions }: Record<string, string>) => [date, trigger, transactions]),
  ).toEqual([
    [first, 'missed', '1'],
    [addDays(first, 1), 'missed', '1'],
    [addDays(first, 2), 'missed', '1'],
    [last, 'manual', '1'],
  ]);
});

test('the Schedule of a business settles the day that was over when it was due', async () => {
  const tea = await shop(last);
  await api.call('PATCH', '/v1/business', { key: tea.key, body: { timeZone: 'UTC', grace: '0s' } });
  const handle = api.pipeline.client.schedule.getHandle(settlementLauncherId(tea.tenantId));
  const { policies } = await handle.describe();
  expect(policies.overlap).toBe('BUFFER_ALL');
  await handle.trigger();
  await until(tea, last, 'completed');
  // Operators find it by its tenant.
  await eventually(async () => {
    const query = `WorkflowType = 'settlementLauncher' AND TenantIds = '${tea.tenantId}'`;
    for await (const found of api.pipeline.client.workflow.list({ query })) return found;
    return undefined;
  });
  await handle.delete();
});

test('a breach holds the day for review without a payout; when it is mended a retry completes it', async () => {
  const tea = await shop(last);
  const { pool } = api.pipeline.database;
  await sell(tea, 10_000n, during(last, 5));
  await tamper(tea, 1);
  await command(tea, `/trigger/${last}`);
  const held = await until(tea, last, 'needs_review');
  expect(held.breaches).toMatchObject([{ invariant: 'every item is what the ledger says' }]);
  expect((await command(tea, `/trigger/${last}`)).status).toBe(409);
  const { rows } = await pool.query("SELECT 1 FROM ledger_transactions WHERE tenant_id = $1 AND kind = 'payout'", [
    toUuid(tea.tenantId),
  ]);
  expect(rows).toEqual([]);
  await tamper(tea, -1);
  expect((await command(tea, `/retry/${last}`)).status).toBe(202);
  const done = await until(tea, last, 'completed');
  expect(done).toMatchObject({ attempt: 2, trigger: 'retry', breaches: [] });
});

test('a day behind one that has to be retried is refused, and is not begun', async () => {
  const first = addDays(last, -1);
  const tea = await shop(first);
  await sell(tea, 10_000n, during(first, 5));
  await tamper(tea, 1);
  await command(tea, `/trigger/${first}`);
  await until(tea, first, 'needs_review');
  for (const path of ['/trigger', `/trigger/${last}`]) {
    const answer = await command(tea, path);
    expect([answer.status, answer.body.detail]).toEqual([
      409,
      expect.stringContaining(`${first} needs_review: retry it first`),
    ]);
  }
  expect((await get(tea, `/${last}`)).status).toBe(404);
  await tamper(tea, -1);
  await command(tea, `/retry/${first}`);
  await until(tea, first, 'completed');
  expect((await command(tea, '/trigger')).status).toBe(202);
  await until(tea, last, 'completed');
});

test.each([
  ['a day that is not the next one', 'WrongDay', async () => (await shop(addDays(last, -1))).tenantId],
  ['a tenant that is no business', 'NoBusiness', async () => (await api.newTenant()).tenantId],
])('%s ends its workflow at the first attempt', async (_, type, newTenant) => {
  const { client, config } = api.pipeline;
  const tenantId = await newTenant();
  const handle = await client.workflow.start(SETTLEMENT_WORKFLOWS.settlementDay, {
    workflowId: settlementWorkflowId(tenantId, last),
    taskQueue: taskQueue(config, 'money'),
    args: [{ tenantId, date: last, trigger: 'manual' }],
  });
  await expect(handle.result()).rejects.toMatchObject({ cause: { cause: { type } } });
  const { events } = await handle.fetchHistory();
  const attempts = events?.flatMap(({ activityTaskStartedEventAttributes: started }) => started?.attempt ?? []);
  expect(attempts).toEqual([1]);
});

test('only what failed or needs a review is retried, not what was never begun', async () => {
  const tea = await shop(last);
  await ensureRun(api.pipeline.database.pool, {
    tenantId: tea.tenantId,
    day: businessDay(last, UTC),
    timeZone: 'UTC',
    trigger: 'manual',
    workflowId: settlementWorkflowId(tea.tenantId, last),
  });
  const answer = await command(tea, `/retry/${last}`);
  expect([answer.status, answer.body.detail]).toEqual([409, expect.stringContaining('is pending')]);
  expect((await command(tea, `/trigger/${last}`)).status).toBe(202);
  await until(tea, last, 'completed');
});

test('a day that the database, restored from a backup, does not know as settled is settled again', async () => {
  const tea = await shop(last);
  const { pool } = api.pipeline.database;
  await sell(tea, 10_000n, during(last, 5));
  await command(tea, '/trigger');
  const { totalsHash } = await until(tea, last, 'completed');
  await api.pipeline.client.workflow.getHandle(settlementLauncherId(tea.tenantId, last)).result();
  await tamperWith(
    pool,
    `UPDATE settlement_runs SET state = 'running', totals_hash = NULL, finished_at = NULL, audit_seq = NULL, audit_hash = NULL
     WHERE tenant_id = $1`,
    [toUuid(tea.tenantId)],
  );
  expect((await command(tea, '/trigger')).status).toBe(202);
  expect(await until(tea, last, 'completed')).toMatchObject({ totalsHash });
});

test('a cursor with a date that does not exist is none', async () => {
  const tea = await shop(last);
  const cursor = Buffer.from('settlement-runs:desc:next:2026-02-30').toString('base64url');
  expect((await get(tea, `/history?cursor=${cursor}`)).status).toBe(422);
});

test('a settlement that was terminated goes on when it is asked for again', async () => {
  const tea = await shop(last);
  const { pool } = api.pipeline.database;
  await pool.query('UPDATE businesses SET grace_ms = 3600000, cutoff = $2::time WHERE tenant_id = $1', [
    toUuid(tea.tenantId),
    new Date(Date.now() - 120_000).toISOString().slice(11, 16),
  ]);
  const answer = await command(tea, '/trigger');
  const { date } = answer.body;
  await until(tea, date, 'running');
  await api.pipeline.client.workflow.getHandle(settlementWorkflowId(tea.tenantId, date)).terminate('test');
  await eventually(async () => {
    const handle = api.pipeline.client.workflow.getHandle(settlementLauncherId(tea.tenantId, date));
    return (await handle.describe()).status.name === 'RUNNING' ? undefined : true;
  });
  await pool.query('UPDATE businesses SET grace_ms = 0 WHERE tenant_id = $1', [toUuid(tea.tenantId)]);
  expect((await command(tea, `/trigger/${date}`)).status).toBe(202);
  await until(tea, date, 'completed');
});

test('the watchdog raises the alarm once for a day that is not settled in time, and is quiet when it is', async () => {
  const first = addDays(last, -1);
  const tea = await shop(first);
  await api.call('POST', '/v1/endpoints', {
    key: tea.key,
    body: { url: `${receiver.url}/late`, eventTypes: ['settlement.overdue'] },
  });
  const deps = settlementDeps(api.pipeline.platform);
  const overdue = async () => (await deps.metrics.overdue.get()).values[0]?.value ?? 0;
  const before = await watchSettlements(deps);
  expect(await watchSettlements(deps)).toBe(before);
  expect(await overdue()).toBe(before);
  await eventually(() => receiver.received.find((request) => request.path.endsWith('/late')));
  await command(tea, '/trigger');
  await until(tea, last, 'completed');
  expect(await watchSettlements(deps)).toBe(before - 1);
  const told = receiver.received.filter((request) => request.path.endsWith('/late'));
  expect(told.map((request) => JSON.parse(request.body).data)).toEqual([{ date: first }]);
});

test('an adjustment is in the next settlement and in the audit log', async () => {
  const tea = await shop(last);
  const answer = await api.call('POST', `/v1/merchants/${tea.merchantId}/adjustments`, {
    key: tea.key,
    body: { amount: '-250', currency: 'EUR', reason: 'agreed by phone' },
    headers: { 'idempotency-key': crypto.randomUUID() },
  });
  expect(answer.status).toBe(201);
  expect((await get(tea, '/audit')).body.data).toMatchObject([{ action: 'ledger.adjusted', subject: answer.body.id }]);
});

test('another tenant sees nothing of it', async () => {
  const tea = await shop(last);
  await command(tea, '/trigger');
  await until(tea, last, 'completed');
  const other = await shop(last);
  expect((await get(other, `/${last}`)).status).toBe(404);
  expect((await get(other, `/${last}/merchants/${tea.merchantId}`)).status).toBe(404);
  expect((await api.call('GET', `/v1/merchants/${tea.merchantId}`, { key: other.key })).status).toBe(404);
});

test('a launcher that finds another at work on the same day waits for it', async () => {
  const tea = await shop(last);
  const { pool } = api.pipeline.database;
  await sell(tea, 500n, during(last, 1));
  const start = (n: number) =>
    api.pipeline.client.workflow.start(SETTLEMENT_WORKFLOWS.settlementLauncher, {
      workflowId: `${settlementLauncherId(tea.tenantId)}/${n}-${newId('eff')}`,
      taskQueue: taskQueue(api.pipeline.config, 'money'),
      args: [{ tenantId: tea.tenantId, upTo: last }],
    });
  const handles = await Promise.all([start(1), start(2)]);
  const results = (await Promise.all(handles.map((handle) => handle.result()))) as { settled: string[] }[];
  expect(results.flatMap(({ settled }) => settled)).toEqual([last]);
  expect(JSON.parse(await rowsOf(pool, tea.tenantId, last))).toHaveLength(1);
  const late = await api.pipeline.client.workflow.execute(SETTLEMENT_WORKFLOWS.settlementDay, {
    workflowId: settlementWorkflowId(tea.tenantId, last),
    taskQueue: taskQueue(api.pipeline.config, 'money'),
    args: [{ tenantId: tea.tenantId, date: last, trigger: 'manual' }],
  });
  expect(late).toMatchObject({ settledBefore: true, items: '1' });
});
