import fc from 'fast-check';
import { type PublicId, toUuid } from '../../../core/ids';
import { createTotalsHash } from '../../../core/totals-hash';
import { ACCOUNTS } from '../../../domains/ledger/rules/postings';
import { postTransaction } from '../../../domains/ledger/store/ledger';
import { addDays } from '../../../domains/merchants/rules/business-day';
import type { FeeSchedule } from '../../../domains/merchants/store/fee-schedules';
import type { Merchant, NewMerchant } from '../../../domains/merchants/store/merchants';
import type { Statement } from '../../../domains/settlement/rules/statement';
import {
  NO_MERCHANT,
  readStatements,
  statementsOfMerchant,
} from '../../../domains/settlement/store/settlement-records';
import { findRun } from '../../../domains/settlement/store/settlement-runs';
import { PERMANENT_ERRORS } from '../../../workflows/kit/retry-policies';
import { insertBusiness, insertFeeSchedule, insertMerchant } from '../../support/finance';
import { insertTenant } from '../../support/fixtures';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import {
  balances,
  createSteps,
  during,
  type Happening,
  happen,
  postingOf,
  rowsOf,
  STEPS,
} from '../../support/settlement';
import { tamperWith } from '../../support/tamper';

const FIRST = '2026-03-01';
const SECOND = addDays(FIRST, 1);
const THIRD = addDays(FIRST, 2);

let pipeline: Pipeline;
let steps: ReturnType<typeof createSteps>;
beforeAll(async () => {
  pipeline = await createPipeline();
  steps = createSteps(pipeline);
});
afterAll(() => pipeline.close());

interface Shop {
  tenantId: PublicId;
  merchants: Merchant[];
  schedule: FeeSchedule;
}

async function shop(merchants: number, options: Partial<NewMerchant> = {}): Promise<Shop> {
  const { pool } = pipeline.database;
  const tenantId = await insertTenant(pool);
  await insertBusiness(pool, tenantId, { timeZone: 'UTC', firstDate: FIRST });
  const schedule = await insertFeeSchedule(pool, tenantId, { taxBps: 1_500 });
  await insertFeeSchedule(pool, tenantId, { currency: 'JPY', taxBps: 1_500 });
  const made = [];
  for (let n = 0; n < merchants; n++) made.push(await insertMerchant(pool, tenantId, options));
  return { tenantId, merchants: made, schedule };
}

const post = ({ tenantId, schedule }: Shop, happening: Happening) =>
  happen(pipeline.database.pool, tenantId, schedule, happening);

function idOf(shop: Shop, index = 0): PublicId {
  const merchant = shop.merchants[index];
  if (merchant === undefined) throw new Error('there are fewer merchants');
  return merchant.id;
}

async function runOf(shop: Shop, date: string) {
  const run = await findRun(pipeline.database.pool, shop.tenantId, date);
  if (run === undefined) throw new Error(`${date} has no run`);
  return run;
}

async function statement(shop: Shop, date: string, index = 0): Promise<Statement | undefined> {
  const run = await runOf(shop, date);
  return (await statementsOfMerchant(pipeline.database.pool, run.id, idOf(shop, index)))[0];
}

const at = (shop: Shop, kind: Happening['kind'], amount: bigint, when: Date): Happening => ({
  kind,
  amount,
  merchantId: idOf(shop),
  currency: 'EUR',
  at: when,
});

test('I3, I5: sales, a refund, a chargeback and a correction become one statement, and are paid out', async () => {
  const tea = await shop(1);
  await post(tea, at(tea, 'capture', 10_000n, during(FIRST, 1)));
  await post(tea, at(tea, 'capture', 5_000n, during(FIRST, 2)));
  await post(tea, at(tea, 'refund', 2_000n, during(FIRST, 3)));
  await post(tea, at(tea, 'chargeback', 1_000n, during(FIRST, 4)));
  await post(tea, at(tea, 'adjustment', 250n, during(FIRST, 5)));
  await steps.settle(tea.tenantId, FIRST);

  // 2.9 % and 0.30 of each sale, 15 % tax on that; the refund gives its own fee back; a dispute costs 15.00.
  const fees = 320n + 175n - 88n + 1_500n;
  const tax = 48n + 26n - 13n;
  const net = 15_000n - 2_000n - 1_000n + 250n - fees - tax;
  expect(await statement(tea, FIRST)).toMatchObject({
    opening: 0n,
    grossSales: 15_000n,
    refunds: -2_000n,
    chargebacks: -1_000n,
    adjustments: 250n,
    fees,
    feeTax: tax,
    net,
    paidOut: net,
    closing: 0n,
    itemCount: 5n,
    lateCount: 0n,
  });
  const ledger = await balances(pipeline.database.pool, tea.tenantId);
  expect(ledger).toMatchObject({
    [`${ACCOUNTS.pspClearing} EUR`]: 12_000n,
    [`${ACCOUNTS.merchantPending(idOf(tea))} EUR`]: 0n,
    [`${ACCOUNTS.merchantPayable(idOf(tea))} EUR`]: 0n,
    [`${ACCOUNTS.bankInTransit} EUR`]: -net,
    [`${ACCOUNTS.feeRevenue} EUR`]: -fees,
    [`${ACCOUNTS.feeTax} EUR`]: -tax,
  });
  expect(Object.values(ledger).reduce((sum, amount) => sum + amount, 0n)).toBe(0n);
});

test('I4: who owes in the end is paid nothing, and owes it the next day', async () => {
  const tea = await shop(1);
  await post(tea, at(tea, 'chargeback', 3_000n, during(FIRST, 4)));
  await post(tea, at(tea, 'adjustment', 10_000n, during(SECOND, 4)));
  await steps.settle(tea.tenantId, FIRST);
  await steps.settle(tea.tenantId, SECOND);
  expect(await statement(tea, FIRST)).toMatchObject({ net: -4_500n, paidOut: 0n, closing: -4_500n });
  expect(await statement(tea, SECOND)).toMatchObject({ opening: -4_500n, net: 10_000n, paidOut: 5_500n, closing: 0n });
});

test('less than the smallest payout waits until there is more, also over days on which nothing happens', async () => {
  const tea = await shop(1, { payoutMinimum: [{ amount: 1_000n, currency: 'EUR' }] });
  await post(tea, at(tea, 'adjustment', 600n, during(FIRST, 4)));
  await post(tea, at(tea, 'adjustment', 400n, during(THIRD, 4)));
  for (const date of [FIRST, SECOND, THIRD]) await steps.settle(tea.tenantId, date);
  expect(await statement(tea, SECOND)).toMatchObject({ opening: 600n, net: 0n, paidOut: 0n, closing: 600n });
  expect(await statement(tea, THIRD)).toMatchObject({ opening: 600n, paidOut: 1_000n, closing: 0n });
});

test('a share of the sales is held back for some days, and then given back', async () => {
  const tea = await shop(1, { reserveBps: 1_005, reserveDays: 1 });
  await post(tea, at(tea, 'capture', 1_000n, during(FIRST, 4)));
  for (const date of [FIRST, SECOND, THIRD]) await steps.settle(tea.tenantId, date);
  // 10.05 % of 1000 is 100.5, which goes to the even 100.
  expect(await statement(tea, FIRST)).toMatchObject({ reserveHeld: 100n, reserveReleased: 0n });
  expect(await statement(tea, SECOND)).toMatchObject({ reserveHeld: 0n, reserveReleased: 100n, paidOut: 100n });
  expect(await statement(tea, THIRD)).toBeUndefined();
  const ledger = await balances(pipeline.database.pool, tea.tenantId);
  expect(ledger[`${ACCOUNTS.merchantReserve(idOf(tea))} EUR`]).toBe(0n);
});

test('I2, I12: what comes in late joins the next day, marked, and leaves the settled day as it was', async () => {
  const tea = await shop(1);
  await post(tea, at(tea, 'adjustment', 1_000n, during(FIRST, 4)));
  await steps.settle(tea.tenantId, FIRST);
  const before = await rowsOf(pipeline.database.pool, tea.tenantId, FIRST);
  await post(tea, at(tea, 'adjustment', 70n, during(FIRST, 5)));
  await post(tea, at(tea, 'adjustment', 5n, during(SECOND, 5)));
  await steps.run('claimDay', tea.tenantId, FIRST).catch(() => undefined);
  await steps.settle(tea.tenantId, SECOND);
  expect(await rowsOf(pipeline.database.pool, tea.tenantId, FIRST)).toBe(before);
  expect(await statement(tea, SECOND)).toMatchObject({ net: 75n, itemCount: 2n, lateCount: 1n });
});

test('the moment of the cut-off belongs to the next day', async () => {
  const tea = await shop(1);
  const { start: end } = { start: during(SECOND, 0) };
  await post(tea, at(tea, 'adjustment', 1n, new Date(end.getTime() - 1)));
  await post(tea, at(tea, 'adjustment', 10n, end));
  await steps.settle(tea.tenantId, FIRST);
  await steps.settle(tea.tenantId, SECOND);
  expect([(await statement(tea, FIRST))?.net, (await statement(tea, SECOND))?.net]).toEqual([1n, 10n]);
});

test('I14: currencies never mix', async () => {
  const tea = await shop(1);
  await post(tea, at(tea, 'adjustment', 100n, during(FIRST, 1)));
  await post(tea, { ...at(tea, 'adjustment', 900n, during(FIRST, 1)), currency: 'JPY' });
  await steps.settle(tea.tenantId, FIRST);
  const statements = await statementsOfMerchant(pipeline.database.pool, (await runOf(tea, FIRST)).id, idOf(tea));
  expect(statements.map(({ currency, paidOut }) => [currency, paidOut])).toEqual([
    ['EUR', 100n],
    ['JPY', 900n],
  ]);
});

test('a day that is not the next one is refused', async () => {
  const tea = await shop(1);
  await expect(steps.run('openDay', tea.tenantId, SECOND)).rejects.toThrow(
    `${FIRST} has to be settled before ${SECOND}`,
  );
  await expect(steps.run('openDay', tea.tenantId, '2099-01-01')).rejects.toThrow(/before 2099-01-01/);
});

test('what no repetition helps fails with an error that workflows know by its name', async () => {
  const tea = await shop(1);
  await expect(steps.run('openDay', tea.tenantId, SECOND)).rejects.toMatchObject({ name: 'WrongDay' });
  await expect(steps.run('claimDay', tea.tenantId, FIRST)).rejects.toMatchObject({ name: 'NotRunning' });
  const nobody = await insertTenant(pipeline.database.pool);
  await expect(steps.run('openDay', nobody, FIRST)).rejects.toMatchObject({ name: 'NoBusiness' });
  expect(PERMANENT_ERRORS).toEqual(expect.arrayContaining(['WrongDay', 'NotRunning', 'NoBusiness']));
});

describe('a difference of a single unit', () => {
  const tamper = (sql: string, ...values: unknown[]) => tamperWith(pipeline.database.pool, sql, values);

  test.each<[string, string]>([
    [
      'every item is what the ledger says',
      'UPDATE settlement_items SET gross = gross + 1, net = net + 1 WHERE tenant_id = $1',
    ],
    [
      'every statement is the sum of its items',
      'UPDATE settlement_records SET fees = fees + 1, net = net - 1, closing = closing - 1 WHERE tenant_id = $1',
    ],
    [
      "every statement opens with the day before's closing",
      'UPDATE settlement_records SET opening = opening + 1, closing = closing + 1 WHERE tenant_id = $1',
    ],
    [
      'every item is what the ledger says',
      `UPDATE ledger_entries SET amount = amount + 1 WHERE transaction_id IN
         (SELECT id FROM ledger_transactions WHERE tenant_id = $1)`,
    ],
  ])('is found: %s', async (invariant, sql) => {
    const tea = await shop(1);
    await post(tea, at(tea, 'capture', 10_000n, during(FIRST, 1)));
    await steps.settle(tea.tenantId, FIRST, ['openDay', 'claimDay', 'computeDay']);
    expect(await steps.run('checkDay', tea.tenantId, FIRST)).toEqual([]);
    await tamper(sql, toUuid(tea.tenantId));
    const breaches = (await steps.run('checkDay', tea.tenantId, FIRST)) as { invariant: string }[];
    expect(breaches.map((breach) => breach.invariant)).toContain(invariant);
  });

  test('in the ledger’s payable account stops the payout', async () => {
    const tea = await shop(1);
    await post(tea, at(tea, 'capture', 10_000n, during(FIRST, 1)));
    await steps.settle(tea.tenantId, FIRST, ['openDay', 'claimDay', 'computeDay', 'checkDay']);
    await tamper(
      'UPDATE settlement_records SET closing = closing + 5, opening = opening + 5 WHERE tenant_id = $1',
      toUuid(tea.tenantId),
    );
    expect(await steps.run('postDay', tea.tenantId, FIRST)).toHaveLength(1);
    const ledger = await balances(pipeline.database.pool, tea.tenantId);
    expect(ledger[`${ACCOUNTS.bankInTransit} EUR`]).toBeUndefined();
  });
});

test('I1: the ledger refuses what does not balance, and any change of what it has', async () => {
  const tea = await shop(1);
  const happening = at(tea, 'capture', 10_000n, during(FIRST, 1));
  const posting = await post(tea, { ...happening, ref: 'one' });
  const { pool } = pipeline.database;
  await expect(post(tea, { ...happening, ref: 'one' })).resolves.toEqual(posting);
  await expect(post(tea, { ...happening, amount: 10_001n, ref: 'one' })).rejects.toThrow(
    'posted before with other entries',
  );
  const tenant = toUuid(tea.tenantId);
  const some = 'SELECT id FROM ledger_transactions WHERE tenant_id = $1';
  for (const sql of [
    `UPDATE ledger_entries SET amount = amount + 1 WHERE transaction_id IN (${some})`,
    `DELETE FROM ledger_entries WHERE transaction_id IN (${some})`,
    `UPDATE ledger_transactions SET effective_at = now() WHERE tenant_id = $1`,
    `DELETE FROM ledger_transactions WHERE tenant_id = $1`,
    `UPDATE settlement_items SET net = net + 1, gross = gross + 1 WHERE tenant_id = $1`,
  ]) {
    await expect(pool.query(sql, [tenant])).rejects.toThrow(/never change/);
  }
  const unbalanced = { ...postingOf(happening, tea.schedule), entries: [{ account: 'psp_clearing', amount: 5n }] };
  await expect(
    postTransaction(pool, {
      tenantId: tea.tenantId,
      kind: 'capture',
      externalRef: 'unbalanced',
      currency: 'EUR',
      posting: unbalanced,
      merchantId: idOf(tea),
      effectiveAt: happening.at,
    }),
  ).rejects.toThrow(/does not balance/);
});

/** What the hash of a settled day has to be: that of its statements. */
async function hashOf(shop: Shop, date: string): Promise<string> {
  const hash = createTotalsHash();
  const after = { merchantId: NO_MERCHANT, currency: '' };
  const statements = await readStatements(pipeline.database.pool, (await runOf(shop, date)).id, after, 1_000);
  for (const each of statements) hash.add(Object.values(each));
  return hash.digest();
}

const happenings = fc.array(
  fc.record({
    kind: fc.constantFrom('capture' as const, 'refund' as const, 'chargeback' as const, 'adjustment' as const),
    amount: fc.bigInt({ min: 1n, max: 1_000_000n }),
    merchant: fc.nat(2),
    currency: fc.constantFrom('EUR', 'JPY'),
    hours: fc.integer({ min: 0, max: 47 }),
  }),
  { maxLength: 25 },
);
const interruptions = fc.array(fc.constantFrom<1 | 2 | 3>(1, 2, 3), {
  minLength: STEPS.length,
  maxLength: STEPS.length,
});

test('I1 to I7: however often each step is begun again and in whatever order things came, rows, hash and balances are the same', async () => {
  const { pool } = pipeline.database;
  await fc.assert(
    fc.asyncProperty(happenings, interruptions, fc.infiniteStream(fc.nat()), async (given, repeats, random) => {
      const shops = [
        await shop(3, { reserveBps: 333, reserveDays: 1 }),
        await shop(3, { reserveBps: 333, reserveDays: 1 }),
      ];
      const results: string[] = [];
      for (const [index, tea] of shops.entries()) {
        const order = index === 0 ? given : [...given].sort(() => ((random.next().value ?? 0) % 2 === 0 ? 1 : -1));
        for (const { merchant, hours, ...rest } of order) {
          await post(tea, { ...rest, merchantId: idOf(tea, merchant), at: during(FIRST, hours) });
        }
        for (const date of [FIRST, SECOND, THIRD]) {
          for (const [number, step] of STEPS.entries()) {
            const times = index === 0 ? 1 : (repeats[number] ?? 1);
            for (let time = 0; time < times; time++) await steps.run(step, tea.tenantId, date);
            // A crash before completion: the workflow's next run begins anew.
            if (index === 1 && step === 'postDay') await steps.settle(tea.tenantId, date, STEPS.slice(0, 5));
          }
        }
        const ranks = new Map(tea.merchants.map(({ id }, rank) => [toUuid(id), `m${rank}`]));
        const dashed = (text: string) =>
          text.replaceAll(
            /"merchant_id":"([0-9a-f-]{36})"/g,
            (_all, id: string) => `"${ranks.get(id.replaceAll('-', ''))}"`,
          );
        const rows = [];
        for (const date of [FIRST, SECOND, THIRD])
          rows.push(dashed(await rowsOf(pool, tea.tenantId, date)).replaceAll(/"hash":"[0-9a-f]+"/g, ''));
        // The hash contains the merchants' ids, so it differs between shops; but it matches the rows.
        for (const date of [FIRST, SECOND, THIRD])
          expect((await runOf(tea, date)).totalsHash).toBe(await hashOf(tea, date));
        const ledger = await balances(pool, tea.tenantId);
        const named = Object.entries(ledger).map(([key, sum]) => {
          const code = key.replace(/mer_([0-9a-f]{32})/, (_all, id: string) => ranks.get(id) ?? '');
          return `${code} ${sum}`;
        });
        results.push([...rows, ...named.sort()].join('\n'));
        for (const currency of ['EUR', 'JPY']) {
          const own = Object.entries(ledger).filter(([key]) => key.endsWith(currency));
          expect(own.reduce((sum, [, amount]) => sum + amount, 0n)).toBe(0n);
        }
        const { rows: loose } = await pool.query(
          'SELECT 1 FROM settlement_items WHERE tenant_id = $1 AND run_id IS NULL',
          [toUuid(tea.tenantId)],
        );
        expect(loose).toEqual([]);
      }
      expect(results[1]).toBe(results[0]);
    }),
    { numRuns: 6 },
  );
});

test('I8: wherever the days are cut, they add up to the same', async () => {
  const { pool } = pipeline.database;
  const cutoffs = fc
    .tuple(fc.nat(23), fc.nat(59))
    .map((parts) => parts.map((n) => String(n).padStart(2, '0')).join(':'));
  await fc.assert(
    fc.asyncProperty(happenings, cutoffs, async (given, cutoff) => {
      const sums = [];
      for (const own of ['23:59', cutoff]) {
        const tea = await shop(3);
        await insertBusiness(pool, tea.tenantId, { timeZone: 'UTC', cutoff: own, firstDate: FIRST });
        for (const { merchant, hours, ...rest } of given) {
          await post(tea, { ...rest, merchantId: idOf(tea, merchant), at: during(FIRST, hours) });
        }
        for (const date of [FIRST, SECOND, THIRD, addDays(THIRD, 1)]) await steps.settle(tea.tenantId, date);
        const { rows } = await pool.query(
          `SELECT currency, sum(gross_sales) AS sales, sum(refunds) AS refunds, sum(chargebacks) AS chargebacks,
                  sum(adjustments) AS adjustments, sum(fees) AS fees, sum(fee_tax) AS tax,
                  sum(net) AS net, sum(item_count) AS items
           FROM settlement_records WHERE tenant_id = $1 GROUP BY currency ORDER BY currency`,
          [toUuid(tea.tenantId)],
        );
        sums.push(rows);
      }
      expect(sums[1]).toEqual(sums[0]);
    }),
    { numRuns: 5 },
  );
});

test('the hash does not change when a completed settlement is asked again', async () => {
  const tea = await shop(2);
  await post(tea, at(tea, 'capture', 777n, during(FIRST, 1)));
  const first = await steps.settle(tea.tenantId, FIRST);
  const again = await steps.run('completeDay', tea.tenantId, FIRST);
  expect(again).toEqual(first);
});
