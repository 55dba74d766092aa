import type { PublicId } from '../../../core/ids';
import { feeScheduleFor } from '../../../domains/merchants/store/fee-schedules';
import { createApi, type TestApi } from '../../support/api-support';
import { insertBusiness, insertMerchant } from '../../support/finance';

let api: TestApi;
let merchantId: PublicId;
beforeAll(async () => {
  api = await createApi();
  await insertBusiness(api.deps.pool, api.tenantId);
  merchantId = (await insertMerchant(api.deps.pool, api.tenantId)).id;
});
afterAll(() => api.close());

const set = (fees: Record<string, unknown>) => api.call('POST', '/v1/fee-schedules', { body: { bps: 100, ...fees } });

async function bpsAt(currency: string, moment: string, tenantId = api.tenantId): Promise<number | undefined> {
  const found = await feeScheduleFor(api.deps.pool, { tenantId, merchantId, currency, at: new Date(moment) });
  return found?.terms.bps;
}

test('a version counts from the very moment that it names', async () => {
  await set({ currency: 'EUR', bps: 100, validFrom: '2026-01-01T00:00:00Z' });
  await set({ currency: 'EUR', bps: 200, validFrom: '2026-02-01T00:00:00Z' });
  expect(await bpsAt('EUR', '2025-12-31T23:59:59.999Z')).toBeUndefined();
  expect(await bpsAt('EUR', '2026-01-01T00:00:00Z')).toBe(100);
  expect(await bpsAt('EUR', '2026-01-31T23:59:59.999Z')).toBe(100);
  expect(await bpsAt('EUR', '2026-02-01T00:00:00Z')).toBe(200);
});

test('of two for one moment the later version counts', async () => {
  for (const bps of [100, 300]) await set({ currency: 'USD', bps, validFrom: '2026-01-01T00:00:00Z' });
  expect(await bpsAt('USD', '2026-01-01T00:00:00Z')).toBe(300);
});

test("a merchant's own comes before that for all, from its own moment on", async () => {
  await set({ currency: 'JPY', bps: 50, merchantId, validFrom: '2026-02-01T00:00:00Z' });
  await set({ currency: 'JPY', bps: 100, validFrom: '2026-01-01T00:00:00Z' });
  await set({ currency: 'JPY', bps: 200, validFrom: '2026-03-01T00:00:00Z' });
  expect(await bpsAt('JPY', '2026-01-31T23:59:59.999Z')).toBe(100);
  expect(await bpsAt('JPY', '2026-02-01T00:00:00Z')).toBe(50);
  expect(await bpsAt('JPY', '2026-03-02T00:00:00Z')).toBe(50);
});

test("currencies and tenants have their own, and another tenant's merchant is unknown", async () => {
  await set({ currency: 'KWD', validFrom: '2026-01-01T00:00:00Z' });
  expect(await bpsAt('OMR', '2026-02-01T00:00:00Z')).toBeUndefined();
  const other = await api.newTenant();
  await insertBusiness(api.deps.pool, other.tenantId);
  expect(await bpsAt('KWD', '2026-02-01T00:00:00Z', other.tenantId)).toBeUndefined();
  const body = { currency: 'KWD', bps: 1, merchantId };
  expect((await api.call('POST', '/v1/fee-schedules', { key: other.key, body })).status).toBe(422);
});

test('many made at once are numbered without a gap, or told to try again', async () => {
  const answers = await Promise.all(Array.from({ length: 10 }, (_, bps) => set({ currency: 'CHF', bps })));
  const made = answers.filter(({ status }) => status === 201).map(({ body }) => Number(body.version));
  expect(made.sort((a, b) => a - b)).toEqual(made.map((_, index) => index + 1));
  expect(answers.every(({ status }) => status === 201 || status === 409)).toBe(true);
});

test.each(['fixed', 'minFee', 'maxFee', 'disputeFee'])(
  'a %s that no capture could be posted with is refused',
  async (name) => {
    const answer = await set({ currency: 'EUR', [name]: '1000000000000001' });
    expect([answer.status, answer.body.errors]).toMatchObject([422, [{ pointer: `#/${name}` }]]);
  },
);
