import { newId, type PublicId } from '../../../core/ids';
import { checkAuditPage } from '../../../domains/audit/check-log';
import { CHAIN_START } from '../../../domains/audit/rules/audit-chain';
import { listAudit } from '../../../domains/audit/store/audit-log';
import { inIndexOrder } from '../../../domains/ledger/store/index-order';
import { SEAL_START, type SealProgress } from '../../../domains/settlement/rules/seal';
import { agedPayouts, findPayout, listPayouts } from '../../../domains/settlement/store/payouts';
import { listReconciliationItems, listReconciliations } from '../../../domains/settlement/store/reconciliation-reads';
import {
  hasStatements,
  statementPages,
  transactionPages,
  transactionTotals,
} from '../../../domains/settlement/store/settlement-exports';
import { transactionNames } from '../../../domains/settlement/store/transaction-names';
import { verifyItems } from '../../../domains/settlement/verifying/verify-run';
import type { Queryable, Statement } from '../../../infra/postgres/pool';
import { createTestDatabase, type TestDatabase } from '../../support/database';
import { insertBusiness, insertMerchant } from '../../support/finance';
import { insertTenant } from '../../support/fixtures';
import { insertLargeDay } from '../../support/settled-day';

let database: TestDatabase;
let tenantId: PublicId;
let runId: PublicId;
let plans: { sql: string; plan: string }[] = [];
/** Answers as the database does, and records its plans. */
let db: Queryable;

beforeAll(async () => {
  database = await createTestDatabase();
  const { pool } = database;
  db = { query: (statement) => explained(inIndexOrder(pool), statement) };
  tenantId = await insertTenant(pool);
  await insertBusiness(pool, tenantId);
  const merchantIds: PublicId[] = [];
  for (let n = 0; n < 3; n++) merchantIds.push((await insertMerchant(pool, tenantId)).id);
  // The run under test is one of several, and its merchants have far more transactions than a page. The planner knows
  // nothing of them: there is no ANALYZE.
  for (const date of ['2026-10-27', '2026-10-28', '2026-10-29']) {
    runId = await insertLargeDay(pool, tenantId, { date, merchantIds, count: 7_000 });
  }
});
afterAll(() => database.drop());
beforeEach(() => {
  plans = [];
});

async function explained<R extends object>(inner: Queryable, statement: Statement) {
  const { name: _name, ...unnamed } = statement;
  const { rows } = await inner.query<{ 'QUERY PLAN': string }>({ ...unnamed, text: `EXPLAIN ${statement.text}` });
  plans.push({ sql: statement.text, plan: rows.map((row) => row['QUERY PLAN']).join('\n') });
  return inner.query<R>(unnamed);
}

function expectPlans(index: RegExp): void {
  expect(plans.length).toBeGreaterThan(0);
  for (const { sql, plan } of plans) {
    expect({ sql, plan }).toEqual({ sql, plan: expect.stringMatching(index) });
    // A sort would read all that is left for every page.
    expect({ sql, plan }).toEqual({ sql, plan: expect.not.stringMatching(/Seq Scan|Sort/) });
  }
}

test('statements are read by pages in the order of their index', async () => {
  let rows = 0;
  for await (const page of statementPages(db, runId)) rows += page.length;
  expect(rows).toBe(3);
  expectPlans(/settlement_records_pkey/);
});

test('transactions are read by pages in the order of their index', async () => {
  let rows = 0;
  for await (const page of transactionPages(db, runId)) rows += page.length;
  expect([rows, plans.length]).toEqual([21_000, 5]);
  expectPlans(/settlement_items_by_run/);
});

test('totals and presence are read from the index too', async () => {
  for await (const page of statementPages(database.pool, runId)) {
    expect((await transactionTotals(db, runId, page)).size).toBe(3);
  }
  expect(await hasStatements(db, runId)).toBe(true);
  expectPlans(/settlement_items_by_run|settlement_records_pkey/);
});

test('an audit log is walked by pages in the order of its index', async () => {
  await checkAuditPage(db, tenantId, CHAIN_START, 500);
  expectPlans(/finance_audit_log_pkey/);
});

test('the items of a day are hashed and held against the ledger by pages in the order of their index', async () => {
  let progress: SealProgress | undefined = SEAL_START;
  let items = 0;
  for (; progress !== undefined; items = progress?.items ?? items) {
    progress = (await verifyItems(db, tenantId, { seq: 1, runId, payload: {} }, progress)).progress;
  }
  expect(items).toBe(21_000);
  for (const { sql, plan } of plans) {
    expect({ sql, plan }).toEqual({ sql, plan: expect.stringMatching(/settlement_items_by_run/) });
    expect({ sql, plan }).toEqual({ sql, plan: expect.not.stringMatching(/Seq Scan/) });
  }
});

test('audit entries and reconciliations are listed by index', async () => {
  db = { query: (statement) => explained(database.pool, statement) };
  await listAudit(db, tenantId, { order: 'desc', limit: 50 });
  await listAudit(db, tenantId, {
    order: 'asc',
    limit: 50,
    position: { direction: 'next', key: '7', inclusive: false },
  });
  await listReconciliationItems(db, newId('rec'), 'matched', { order: 'asc', limit: 50 });
  await listReconciliations(db, runId, { order: 'desc', limit: 50 });
  for (const { sql, plan } of plans) {
    expect({ sql, plan }).toEqual({
      sql,
      plan: expect.stringMatching(
        /finance_audit_log_pkey|reconciliation_items_pkey|reconciliation_runs_by_run|reconciliation_totals_pkey/,
      ),
    });
    expect({ sql, plan }).toEqual({ sql, plan: expect.not.stringMatching(/Seq Scan/) });
  }
  expect(plans.length).toBeGreaterThanOrEqual(5);
});

test('payouts are found, listed and watched by index, and names by primary keys', async () => {
  db = { query: (statement) => explained(database.pool, statement) };
  await listPayouts(db, tenantId, 'in_transit', { order: 'asc', limit: 50 });
  await findPayout(db, tenantId, newId('out'));
  await agedPayouts(db, [tenantId, newId('ten')], new Date());
  await transactionNames(db, [{ reference: newId('pay') }, { reference: newId('ref') }, { reference: newId('cbk') }]);
  expect(plans).toHaveLength(7);
  for (const { sql, plan } of plans) {
    expect({ sql, plan }).toEqual({
      sql,
      plan: expect.stringMatching(/payouts_(by_tenant|pkey|in_transit)|orders_pkey/),
    });
    expect({ sql, plan }).toEqual({ sql, plan: expect.not.stringMatching(/Seq Scan/) });
  }
});
