import type { PublicId } from '../../../core/ids';
import { addDays, lastClosedDate } from '../../../domains/merchants/rules/business-day';
import { settlementLauncherId } from '../../../domains/settlement/rules/workflow-names';
import { createApi, type TestApi } from '../../support/api-support';
import { insertBusiness, insertFeeSchedule, insertMerchant } from '../../support/finance';
import { eventually } from '../../support/receiver';
import { during, happen } from '../../support/settlement';

const BASE = '/api/v2/finance/settlement';
const last = lastClosedDate(new Date(), { timeZone: 'UTC', cutoff: '23:59' });

let api: TestApi;
beforeAll(async () => {
  api = await createApi();
  await api.pipeline.startWorker();
});
afterAll(() => api.close());

async function business(firstDate: string, options: Parameters<typeof insertMerchant>[2] = {}) {
  const { pool } = api.pipeline.database;
  const { tenantId, key } = await api.newTenant();
  await insertBusiness(pool, tenantId, { timeZone: 'UTC', firstDate });
  const schedule = await insertFeeSchedule(pool, tenantId, { bps: 0, fixed: 0n });
  const { id: merchantId } = await insertMerchant(pool, tenantId, options);
  const sell = (amount: bigint, at: Date) =>
    happen(pool, tenantId, schedule, { kind: 'capture', amount, merchantId, currency: 'EUR', at });
  return { tenantId, key, merchantId, sell };
}

const get = (key: string, path: string) => api.call('GET', `${BASE}${path}`, { key });

async function settleAll(key: string): Promise<number> {
  const startedAt = performance.now();
  await api.call('POST', `${BASE}/trigger`, { key, headers: { 'idempotency-key': crypto.randomUUID() } });
  await eventually(
    async () => ((await get(key, `/${last}`)).body.status === 'completed' ? true : undefined),
    100_000,
    () => `${last} is not settled`,
  );
  return (performance.now() - startedAt) / 1_000;
}

async function days(key: string, from: string) {
  const found: Record<string, string>[] = [];
  for (let query = `from=${from}&limit=200`; ; ) {
    const { body } = await get(key, `/history?order=asc&${query}`);
    found.push(...body.data);
    if (body.next === null) return found;
    query = `from=${from}&limit=200&cursor=${body.next}`;
  }
}

test('a hundred days on which hardly anything happened are settled without a workflow for each day, each with its own run', async () => {
  const first = addDays(last, -99);
  const { tenantId, key, sell } = await business(first);
  const busy = addDays(first, 60);
  await sell(900n, during(busy, 5));
  const seconds = await settleAll(key);
  process.stdout.write(`a hundred days settled in ${seconds.toFixed(1)} s\n`);
  const found = await days(key, first);
  expect(found.map(({ date, status }) => [date, status])).toEqual(
    Array.from({ length: 100 }, (_, offset) => [addDays(first, offset), 'completed']),
  );
  const launcher = settlementLauncherId(tenantId as PublicId, last);
  const own = found.filter(({ workflowId }) => workflowId !== launcher).map(({ date, trigger }) => [date, trigger]);
  expect(own).toEqual([
    [busy, 'missed'],
    [last, 'manual'],
  ]);
  expect((await get(key, `/${busy}`)).body).toMatchObject({ transactions: '1', totals: [{ paidOut: '900' }] });
  let verdict = (await get(key, '/audit/verify')).body;
  while (verdict.next !== null)
    verdict = (await get(key, `/audit/verify?next=${encodeURIComponent(verdict.next)}`)).body;
  expect(verdict).toMatchObject({ verified: true });
});

test('on days on which nothing happens, balances are carried over and reserves given back', async () => {
  const first = addDays(last, -5);
  const { key, merchantId, sell } = await business(first, {
    reserveBps: 5_000,
    reserveDays: 3,
    payoutMinimum: [{ amount: 600n, currency: 'EUR' }],
  });
  await sell(1_000n, during(first, 5));
  await settleAll(key);
  const found = [];
  for (let offset = 0; offset <= 5; offset++) {
    const { body } = await get(key, `/${addDays(first, offset)}/merchants/${merchantId}`);
    found.push(body.data.map((each: Record<string, string>) => [each.opening, each.reserveReleased, each.paidOut]));
  }
  expect(found).toEqual([
    [['0', '0', '0']],
    [['500', '0', '0']],
    [['500', '0', '0']],
    [['500', '500', '1000']],
    [],
    [],
  ]);
});
