import type { Pool } from 'pg';
import { type PublicId, toUuid } from '../../../core/ids';
import { addDays } from '../../../domains/merchants/rules/business-day';
import { SEALED_PAGE } from '../../../domains/settlement/rules/seal';
import { findRun } from '../../../domains/settlement/store/settlement-runs';
import { type Verification, verifyFinances } from '../../../domains/settlement/verifying/verify-finances';
import { insertBusiness, insertFeeSchedule, insertMerchant } from '../../support/finance';
import { insertTenant } from '../../support/fixtures';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { createSteps, during, happen } from '../../support/settlement';
import { whileTampered } from '../../support/tamper';

const FIRST = '2026-03-01';
const SECOND = addDays(FIRST, 1);

let pipeline: Pipeline;
let pool: Pool;
/** Two settled days; the second gives back what the first held. */
let tenantId: PublicId;
let runs: Record<string, string>;
beforeAll(async () => {
  pipeline = await createPipeline();
  ({ pool } = pipeline.database);
  tenantId = await insertTenant(pool);
  await insertBusiness(pool, tenantId, { timeZone: 'UTC', firstDate: FIRST });
  const schedule = await insertFeeSchedule(pool, tenantId, { taxBps: 1_500 });
  const merchants = [];
  for (let n = 0; n < 2; n++)
    merchants.push(await insertMerchant(pool, tenantId, { reserveBps: 1_000, reserveDays: 1 }));
  const steps = createSteps(pipeline);
  for (const date of [FIRST, SECOND]) {
    for (const [n, { id: merchantId }] of merchants.entries()) {
      const sale = { kind: 'capture', amount: 10_000n, merchantId, currency: 'EUR', at: during(date, 1 + n) } as const;
      await happen(pool, tenantId, schedule, sale);
      await happen(pool, tenantId, schedule, { ...sale, kind: 'refund', amount: 700n });
    }
    await steps.settle(tenantId, date);
  }
  const idOf = async (date: string) => `'${toUuid((await findRun(pool, tenantId, date))?.id ?? '')}'`;
  runs = { $first: await idOf(FIRST), $second: await idOf(SECOND) };
});
afterAll(() => pipeline.close());

const filled = (sql: string) => sql.replaceAll(/\$(first|second)/g, (name) => runs[name] ?? '');
const verdict = (sql: string): Promise<Verification> =>
  whileTampered(pool, filled(sql), (tampered) => verifyFinances({ pool: tampered }, tenantId));

test('what was settled and left alone is verified', async () => {
  expect(await verifyFinances({ pool }, tenantId)).toMatchObject({ verified: true, entries: 2, findings: [] });
});

const FEW = '(SELECT transaction_id FROM settlement_items WHERE run_id = $first LIMIT 1)';

test.each<[string, string]>([
  [
    'statements are not what they were',
    `UPDATE settlement_records SET gross_sales = gross_sales + 100000, net = net + 100000, closing = closing + 100000
     WHERE run_id = $first`,
  ],
  // Hidden as well as the run alone allows.
  [
    'its totalsHash is',
    `WITH a AS (UPDATE settlement_records SET closing = closing + 1, opening = opening + 1 WHERE run_id = $first)
     UPDATE settlement_runs SET totals_hash = sha256('x') WHERE id = $first`,
  ],
  ['statements are not what they were', 'DELETE FROM settlement_records WHERE run_id = $second'],
  ['statements are not the sums', "UPDATE settlement_records SET business_date = '2026-05-01' WHERE run_id = $first"],
  [
    'statements are not the sums',
    `INSERT INTO settlement_records SELECT run_id, merchant_id, 'USD', tenant_id, business_date, 0, 5, 0, 0, 0, 0, 0, 0, 0,
       5, 5, 0, 0, 0 FROM settlement_records WHERE run_id = $first`,
  ],
  ['transactions are not what they were', `UPDATE settlement_items SET late = true WHERE transaction_id IN ${FEW}`],
  // The sums stay the same.
  [
    'transactions are not what they were',
    `UPDATE settlement_items SET effective_at = effective_at + interval '1 second' WHERE transaction_id IN ${FEW}`,
  ],
  [
    'transactions are not what they were',
    `UPDATE settlement_items SET run_id = $second WHERE transaction_id IN ${FEW}`,
  ],
  ['transactions are not what they were', `DELETE FROM settlement_items WHERE transaction_id IN ${FEW}`],
  [
    'transactions are not what the ledger has',
    `UPDATE ledger_entries SET amount = amount * 2 WHERE transaction_id IN ${FEW}`,
  ],
  [
    'transactions are not what the ledger has',
    `INSERT INTO ledger_entries SELECT transaction_id, (SELECT id FROM ledger_accounts WHERE tenant_id = i.tenant_id
       AND code = 'bank_in_transit'), currency, 5 FROM settlement_items i WHERE transaction_id IN ${FEW}`,
  ],
  [
    'held back is not what the statements say',
    'UPDATE settlement_reserves SET amount = amount + 1 WHERE run_id = $first',
  ],
  ['held back is not what it was', "UPDATE settlement_reserves SET release_on = '2030-01-01' WHERE run_id = $second"],
  ['given back of reserves', 'UPDATE settlement_reserves SET released_run_id = NULL WHERE run_id = $first'],
  [
    'settlements and payouts in the ledger',
    `UPDATE ledger_entries e SET amount = amount - 1 FROM ledger_transactions t
     WHERE t.id = e.transaction_id AND t.kind = 'payout' AND e.amount < 0`,
  ],
  ['its items is', 'UPDATE settlement_runs SET item_count = item_count + 1 WHERE id = $first'],
  ['its periodEnd is', "UPDATE settlement_runs SET period_end = period_end + interval '1 day' WHERE id = $first"],
  ['the settlement is running', "UPDATE settlement_runs SET state = 'running' WHERE id = $first"],
  ['the settlement is gone', 'DELETE FROM settlement_runs WHERE id = $first'],
])('found: %s', async (problem, sql) => {
  const { verified, brokenAt, findings } = await verdict(sql);
  expect([verified, brokenAt]).toEqual([false, undefined]);
  expect(findings).toContainEqual(expect.objectContaining({ problem: expect.stringContaining(problem) }));
});

test('a day that somebody completed past Waybill is not in the log', async () => {
  const sql = `INSERT INTO settlement_runs (id, tenant_id, business_date, time_zone, period_start, period_end, state, trigger,
                 workflow_id)
               SELECT gen_random_uuid(), tenant_id, '2030-01-01', 'UTC', period_start, period_end, 'completed', 'manual', 'x'
               FROM settlement_runs WHERE id = $first`;
  const { verified, findings } = await verdict(sql);
  expect([verified, findings]).toMatchObject([
    false,
    [{ seq: null, problem: expect.stringContaining('does not have') }],
  ]);
});

test('without the log and its head, settled days still say what it had', async () => {
  const sql = `WITH heads AS (DELETE FROM finance_audit_heads) DELETE FROM finance_audit_log`;
  const { verified, findings } = await verdict(sql);
  expect(verified).toBe(false);
  expect(findings.map(({ seq }) => seq)).toEqual([1, 2]);
});

test('a day with more transactions than one request has time for is verified over several', async () => {
  const shop = await insertTenant(pool);
  await insertBusiness(pool, shop, { timeZone: 'UTC', firstDate: FIRST });
  const { id: merchantId } = await insertMerchant(pool, shop);
  await pool.query(
    `WITH account AS (
       INSERT INTO ledger_accounts (id, tenant_id, code, type, currency)
       SELECT md5($1::text || '|' || code || '|EUR')::uuid, $1::text::uuid, code, 'asset', 'EUR'
       FROM (VALUES ('psp_clearing'), ('merchant_pending:mer_' || $2::text)) AS c(code) RETURNING id, code
     ), made AS (
       INSERT INTO ledger_transactions (id, tenant_id, kind, external_ref, merchant_id, effective_at)
       SELECT gen_random_uuid(), $1::text::uuid, 'capture', 'sale ' || n, $2::text::uuid, $3 FROM generate_series(1, $4::int) n
       RETURNING *
     ), entries AS (
       INSERT INTO ledger_entries SELECT m.id, a.id, 'EUR', CASE code WHEN 'psp_clearing' THEN 5 ELSE -5 END FROM made m, account a
     )
     INSERT INTO settlement_items (transaction_id, tenant_id, merchant_id, currency, kind, gross, fee, fee_tax, net, effective_at)
     SELECT id, tenant_id, merchant_id, 'EUR', 'capture', 5, 0, 0, 5, effective_at FROM made`,
    [toUuid(shop), toUuid(merchantId), during(FIRST, 1), 2 * SEALED_PAGE + 1],
  );
  await createSteps(pipeline).settle(shop, FIRST);

  const walk = async (tampered: Pool) => {
    const answers: Verification[] = [];
    for (let progress: Verification['next'], more = true; more; more = progress !== undefined) {
      const answer = await verifyFinances({ pool: tampered }, shop, { progress, budgetMs: 0 });
      answers.push(answer);
      progress = answer.next;
    }
    return answers;
  };
  const answers = await walk(pool);
  expect(answers.length).toBeGreaterThan(3);
  expect(answers.slice(0, -1).every(({ verified }) => verified === null)).toBe(true);
  expect(answers.at(-1)).toMatchObject({ verified: true, entries: 1 });

  const sql = `UPDATE settlement_items SET late = true WHERE transaction_id IN (
                 SELECT transaction_id FROM settlement_items WHERE merchant_id = '${toUuid(merchantId)}'
                 ORDER BY transaction_id DESC LIMIT 1)`;
  const tampered = await whileTampered(pool, sql, walk);
  expect(tampered.at(-1)).toMatchObject({ verified: false });
});

test('an entry of an earlier version, which says less, is held against what it says', async () => {
  const sql = `UPDATE settlement_runs SET audit_seq = NULL, audit_hash = NULL WHERE tenant_id = '${toUuid(tenantId)}'`;
  expect(await verdict(sql)).toMatchObject({ verified: true });
});
