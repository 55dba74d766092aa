import type { Pool } from 'pg';
import { type PublicId, toUuid } from '../../../core/ids';
import { addDays } from '../../../domains/merchants/rules/business-day';
import { insertBusiness, insertFeeSchedule, insertMerchant } from '../../support/finance';
import { insertTenant } from '../../support/fixtures';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { createSteps, during, happen, STEPS } from '../../support/settlement';

const FIRST = '2026-03-01';
const SECOND = addDays(FIRST, 1);

let pipeline: Pipeline;
let pool: Pool;
/** A tenant with one day that is settled and one that has claimed and made its statements. */
let tenantId: PublicId;
beforeAll(async () => {
  pipeline = await createPipeline();
  ({ pool } = pipeline.database);
  tenantId = await insertTenant(pool);
  await insertBusiness(pool, tenantId, { timeZone: 'UTC', firstDate: FIRST });
  const schedule = await insertFeeSchedule(pool, tenantId);
  const { id: merchantId } = await insertMerchant(pool, tenantId, { reserveBps: 1_000, reserveDays: 1 });
  for (const date of [FIRST, SECOND]) {
    const at = during(date, 1);
    await happen(pool, tenantId, schedule, { kind: 'capture', amount: 10_000n, merchantId, currency: 'EUR', at });
  }
  const steps = createSteps(pipeline);
  await steps.settle(tenantId, FIRST);
  await steps.settle(tenantId, SECOND, STEPS.slice(0, 3));
});
afterAll(() => pipeline.close());

/** Statements about the settled day's rows, `run`, and about those of the day that is not settled yet, `open`. */
async function attempt(sql: string): Promise<unknown> {
  const { rows } = await pool.query('SELECT id, business_date FROM settlement_runs WHERE tenant_id = $1', [
    toUuid(tenantId),
  ]);
  const idOf = (date: string) => `'${rows.find((row) => row.business_date === date)?.id}'`;
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    return await client.query(sql.replaceAll('$run', idOf(FIRST)).replaceAll('$open', idOf(SECOND)));
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
}

test.each([
  'UPDATE settlement_records SET net = net + 100000, gross_sales = gross_sales + 100000, closing = closing + 100000 WHERE run_id = $run',
  'DELETE FROM settlement_records WHERE run_id = $run',
  `INSERT INTO settlement_records SELECT run_id, merchant_id, 'USD', tenant_id, business_date, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
     0, 0, 0 FROM settlement_records WHERE run_id = $run`,
  'TRUNCATE settlement_records',
  'UPDATE settlement_runs SET totals_hash = NULL WHERE id = $run',
  "UPDATE settlement_runs SET state = 'running' WHERE id = $run",
  'DELETE FROM settlement_runs WHERE id = $run',
  'DELETE FROM settlement_runs WHERE id = $open',
  'TRUNCATE settlement_runs CASCADE',
  `INSERT INTO settlement_runs (id, tenant_id, business_date, time_zone, period_start, period_end, state, trigger, workflow_id)
     SELECT gen_random_uuid(), tenant_id, '2030-01-01', 'UTC', now() - interval '1 day', now(), 'completed', 'manual', 'x'
     FROM settlement_runs WHERE id = $run`,
  'UPDATE settlement_reserves SET amount = amount + 1 WHERE run_id = $run',
  'UPDATE settlement_reserves SET release_on = release_on + 1 WHERE run_id = $run',
  'UPDATE settlement_reserves SET released_run_id = $run WHERE run_id = $run',
  `INSERT INTO settlement_reserves SELECT run_id, merchant_id, 'USD', 5, release_on, NULL FROM settlement_reserves
     WHERE run_id = $run`,
  'DELETE FROM settlement_reserves WHERE run_id = $run',
  'TRUNCATE settlement_reserves',
  'UPDATE settlement_items SET gross = gross + 1, net = net + 1 WHERE run_id = $run',
  'UPDATE settlement_items SET late = NOT late WHERE run_id = $run',
  'UPDATE settlement_items SET run_id = $open WHERE run_id = $run',
  'UPDATE settlement_items SET run_id = NULL WHERE run_id = $run',
  // Nothing joins a run whose claim is closed.
  `WITH made AS (
     INSERT INTO ledger_transactions (id, tenant_id, kind, external_ref, merchant_id, effective_at)
     SELECT gen_random_uuid(), tenant_id, 'capture', 'forged', merchant_id, effective_at FROM settlement_items
     WHERE run_id = $run RETURNING *
   ), entries AS (
     INSERT INTO ledger_entries SELECT made.id, a.id, a.currency, e.amount FROM made JOIN (VALUES ('psp_clearing', 5),
       ('fee_revenue', -5)) AS e(code, amount) ON true JOIN ledger_accounts a ON a.tenant_id = made.tenant_id AND a.code = e.code
   )
   INSERT INTO settlement_items (transaction_id, tenant_id, merchant_id, currency, kind, gross, fee, fee_tax, net,
     effective_at, run_id) SELECT id, tenant_id, merchant_id, 'EUR', 'capture', 5, 5, 0, 0, effective_at, $run FROM made`,
  'DELETE FROM settlement_items WHERE run_id = $run',
])('refused once a day is settled: %s', async (sql) => {
  await expect(attempt(sql)).rejects.toThrow(/never change/);
});

test.each([
  'DELETE FROM settlement_records WHERE run_id = $open',
  'UPDATE settlement_reserves SET released_run_id = $open WHERE run_id = $run',
  "UPDATE settlement_runs SET state = 'failed' WHERE id = $open",
])('allowed while a day is being settled: %s', async (sql) => {
  await expect(attempt(sql)).resolves.toMatchObject({ rowCount: 1 });
});

test('an item joins no run but one whose claim is open', async () => {
  const { id: merchantId } = await insertMerchant(pool, tenantId);
  const schedule = await insertFeeSchedule(pool, tenantId, { merchantId });
  const at = during(FIRST, 2);
  await happen(pool, tenantId, schedule, { kind: 'capture', amount: 10_000n, merchantId, currency: 'EUR', at });
  for (const run of ['$run', '$open', 'gen_random_uuid()']) {
    const sql = `UPDATE settlement_items SET run_id = ${run} WHERE merchant_id = '${toUuid(merchantId)}'`;
    await expect(attempt(sql)).rejects.toThrow(/never change/);
  }
});
