import type { Pool } from 'pg';
import pino from 'pino';
import { newId, type PublicId, toUuid } from '../../../core/ids';
import { type Approval, decide } from '../../../domains/approvals';
import { ACCOUNTS, transferPosting } from '../../../domains/ledger/rules/postings';
import { postTransaction } from '../../../domains/ledger/store/ledger';
import { addDays } from '../../../domains/merchants/rules/business-day';
import type { FeeSchedule } from '../../../domains/merchants/store/fee-schedules';
import { correctDay, settlementCommands } from '../../../domains/settlement/correct-day';
import type { Breach } from '../../../domains/settlement/store/settlement-runs';
import { endRun, findRun, reopenRun } from '../../../domains/settlement/store/settlement-runs';
import { verifyFinances } from '../../../domains/settlement/verifying/verify-finances';
import { insertBusiness, insertFeeSchedule, insertMerchant } from '../../support/finance';
import { insertTenant } from '../../support/fixtures';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { balances, createSteps, during, happen, STEPS } from '../../support/settlement';
import { tamperWith } from '../../support/tamper';

const FIRST = '2026-03-01';
const DAYS = [FIRST, addDays(FIRST, 1), addDays(FIRST, 2)];

let pipeline: Pipeline;
let pool: Pool;
let steps: ReturnType<typeof createSteps>;
beforeAll(async () => {
  pipeline = await createPipeline();
  ({ pool } = pipeline.database);
  steps = createSteps(pipeline);
});
afterAll(() => pipeline.close());

interface Shop {
  tenantId: PublicId;
  merchantId: PublicId;
  schedule: FeeSchedule;
}

async function newShop(): Promise<Shop> {
  const tenantId = await insertTenant(pool);
  await insertBusiness(pool, tenantId, { timeZone: 'UTC', firstDate: FIRST });
  const schedule = await insertFeeSchedule(pool, tenantId, { taxBps: 1_500 });
  const { id: merchantId } = await insertMerchant(pool, tenantId, { reserveBps: 1_000, reserveDays: 1 });
  const shop = { tenantId, merchantId, schedule };
  for (const date of DAYS) {
    const at = during(date, 1);
    await happen(pool, tenantId, schedule, { kind: 'capture', amount: 10_000n, merchantId, currency: 'EUR', at });
  }
  return shop;
}

/** Settles a day until it is held for review, or to its end. */
async function settle({ tenantId }: Shop, date: string): Promise<Breach[]> {
  await steps.settle(tenantId, date, STEPS.slice(0, 3));
  let breaches = (await steps.run('checkDay', tenantId, date)) as Breach[];
  if (breaches.length === 0) breaches = (await steps.run('postDay', tenantId, date)) as Breach[];
  const run = await findRun(pool, tenantId, date);
  if (breaches.length > 0) await endRun(pool, run?.id ?? '', { state: 'needs_review', error: 'a breach', breaches });
  else await steps.run('completeDay', tenantId, date);
  return breaches;
}

async function retry(shop: Shop, date: string): Promise<Breach[]> {
  await reopenRun(pool, (await findRun(pool, shop.tenantId, date))?.id ?? '');
  return settle(shop, date);
}

const request = (date: string) => ({ date, reason: 'Repair of 3 May' });
const anotherKey = ({ tenantId }: Shop) => ({
  tenantId,
  keyId: newId('key'),
  effectId: newId('adj'),
  fence: async () => undefined,
  log: pino({ level: 'silent' }),
});

async function correct(shop: Shop, date: string) {
  const corrected = await correctDay({ pool, config: {} }, anotherKey(shop), request(date));
  if ('waits' in corrected) throw new Error('it waits for nobody');
  return corrected;
}

/** Asks for it where `from` and more needs a second person. */
async function askToCorrect(by: ReturnType<typeof anotherKey>, from: bigint): Promise<Approval> {
  const config = { WAYBILL_REVIEW_FOUR_EYES_FROM: from };
  const asked = await correctDay({ pool, config }, by, request(FIRST));
  if (!('waits' in asked)) throw new Error('it was carried out at once');
  return asked.waits;
}

/** Pays out what is owed to a merchant, past the settlement. */
async function payByHand({ tenantId, merchantId }: Shop, effectiveAt: Date): Promise<void> {
  await postTransaction(pool, {
    tenantId,
    kind: 'payout',
    externalRef: 'by hand',
    currency: 'EUR',
    posting: transferPosting(ACCOUNTS.merchantPayable(merchantId), ACCOUNTS.bankInTransit, 700n),
    effectiveAt,
  });
}

const entriesOfFirst = `transaction_id = (SELECT transaction_id FROM settlement_items WHERE tenant_id = $1
                                          ORDER BY effective_at LIMIT 1)`;

test.each<[string, (shop: Shop) => Promise<void>, string]>([
  [
    'an entry of the merchant was changed',
    ({ tenantId }) =>
      tamperWith(pool, `UPDATE ledger_entries SET amount = amount - 300 WHERE amount < -5000 AND ${entriesOfFirst}`, [
        toUuid(tenantId),
      ]),
    'every item is what the ledger says',
  ],
  [
    'an entry of the other side was changed, so that the transaction does not balance',
    ({ tenantId }) =>
      tamperWith(pool, `UPDATE ledger_entries SET amount = amount + 300 WHERE amount > 5000 AND ${entriesOfFirst}`, [
        toUuid(tenantId),
      ]),
    'every item is what the ledger says',
  ],
  [
    'its entries are gone',
    ({ tenantId }) => tamperWith(pool, `DELETE FROM ledger_entries WHERE ${entriesOfFirst}`, [toUuid(tenantId)]),
    'every item is what the ledger says',
  ],
  [
    'something was posted to what is owed to the merchant',
    (owed) => payByHand(owed, during(FIRST, 2)),
    'what is owed to every merchant',
  ],
  [
    'the same, later than the day',
    (owed) => payByHand(owed, during(DAYS[1] ?? '', 2)),
    'what is owed to every merchant',
  ],
])('a breach is made up for, and neither its day nor a later one is blocked: %s', async (_, harm, invariant) => {
  const shop = await newShop();
  await harm(shop);
  const [breach] = await settle(shop, FIRST);
  expect(breach?.invariant).toContain(invariant);
  // Retried alone it would stay so for ever.
  expect(await retry(shop, FIRST)).toHaveLength(1);

  const corrected = await correct(shop, FIRST);
  expect(corrected).toMatchObject({ corrections: [{ merchantId: shop.merchantId, currency: 'EUR' }], more: false });
  expect(await retry(shop, FIRST)).toEqual([]);
  for (const date of DAYS.slice(1)) expect(await settle(shop, date)).toEqual([]);

  // The merchant is owed nothing any more, whatever was done to the ledger.
  const now = await balances(pool, shop.tenantId);
  expect(now[`${ACCOUNTS.merchantPayable(shop.merchantId)} EUR`] ?? 0n).toBe(0n);
  expect(now[`${ACCOUNTS.merchantPending(shop.merchantId)} EUR`] ?? 0n).toBe(0n);
  expect(await verifyFinances({ pool }, shop.tenantId)).toMatchObject({ verified: true, entries: 4 });
});

test('what made up for a breach is in the log, with the breach and the reason', async () => {
  const shop = await newShop();
  await tamperWith(pool, `DELETE FROM ledger_entries WHERE ${entriesOfFirst}`, [toUuid(shop.tenantId)]);
  await settle(shop, FIRST);
  const { runId, corrections } = await correct(shop, FIRST);
  const { rows } = await pool.query('SELECT * FROM finance_audit_log WHERE tenant_id = $1', [toUuid(shop.tenantId)]);
  const named = corrections.map(({ corrects = null, ...rest }) => ({ ...rest, corrects }));
  expect(rows).toMatchObject([
    {
      action: 'settlement.corrected',
      subject: runId,
      payload: {
        reason: 'Repair of 3 May',
        breaches: [{ invariant: 'every item is what the ledger says' }],
        count: 1,
        corrections: named,
      },
    },
  ]);
  await expect(correct(shop, FIRST)).rejects.toMatchObject({ code: 'nothing-to-correct' });
});

test('only a day that needs a review is corrected', async () => {
  const shop = await newShop();
  await expect(correct(shop, FIRST)).rejects.toMatchObject({ code: 'no-settlement' });
  await settle(shop, FIRST);
  await expect(correct(shop, FIRST)).rejects.toMatchObject({ code: 'not-correctable' });
});

const actions = async ({ tenantId }: Shop) =>
  (
    await pool.query('SELECT action, actor FROM finance_audit_log WHERE tenant_id = $1 ORDER BY seq', [
      toUuid(tenantId),
    ])
  ).rows;

test('from a threshold on, a second person has to approve what makes up for a breach', async () => {
  const shop = await newShop();
  await tamperWith(pool, `DELETE FROM ledger_entries WHERE ${entriesOfFirst}`, [toUuid(shop.tenantId)]);
  await settle(shop, FIRST);
  const [asker, approver] = [anotherKey(shop), anotherKey(shop)];
  const before = await balances(pool, shop.tenantId);
  const approval = await askToCorrect(asker, 10_000n);
  expect(approval).toMatchObject({ state: 'waiting', action: 'settlement.correct', amount: 10_000n, currency: 'EUR' });
  expect(await askToCorrect(asker, 10_000n)).toEqual(approval);
  await expect(askToCorrect(anotherKey(shop), 10_000n)).rejects.toMatchObject({ code: 'approval-waiting' });
  expect(await balances(pool, shop.tenantId)).toEqual(before);

  const deps = { pool, commands: settlementCommands() };
  await expect(decide(deps, asker, approval.id, 'approved')).rejects.toMatchObject({ code: 'needs-another-key' });
  expect(await decide(deps, approver, approval.id, 'approved')).toMatchObject({ state: 'approved' });
  expect(await decide(deps, approver, approval.id, 'approved')).toMatchObject({ state: 'approved' });
  expect(await actions(shop)).toEqual([
    { action: 'settlement.correct.requested', actor: asker.keyId },
    { action: 'settlement.corrected', actor: approver.keyId },
  ]);
  expect(await retry(shop, FIRST)).toEqual([]);
  expect(await verifyFinances({ pool }, shop.tenantId)).toMatchObject({ verified: true });
});

test('what is approved covers no more than what was asked for', async () => {
  const shop = await newShop();
  await tamperWith(pool, `UPDATE ledger_entries SET amount = amount - 300 WHERE amount < -5000 AND ${entriesOfFirst}`, [
    toUuid(shop.tenantId),
  ]);
  await settle(shop, FIRST);
  const approval = await askToCorrect(anotherKey(shop), 300n);
  expect(approval.amount).toBe(300n);
  await tamperWith(pool, `DELETE FROM ledger_entries WHERE ${entriesOfFirst}`, [toUuid(shop.tenantId)]);
  const before = await balances(pool, shop.tenantId);
  const deps = { pool, commands: settlementCommands() };
  const approving = decide(deps, anotherKey(shop), approval.id, 'approved');
  await expect(approving).rejects.toMatchObject({ code: 'more-to-correct' });
  expect(await balances(pool, shop.tenantId)).toEqual(before);
  expect(await decide(deps, anotherKey(shop), approval.id, 'rejected')).toMatchObject({ state: 'rejected' });
});
