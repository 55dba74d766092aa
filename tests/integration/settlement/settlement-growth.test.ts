import type { PoolClient } from 'pg';
import { newId, type PublicId, toUuid } from '../../../core/ids';
import { ACCOUNTS, transferPosting } from '../../../domains/ledger/rules/postings';
import { accountIdSql } from '../../../domains/ledger/store/account-id';
import { postTransaction } from '../../../domains/ledger/store/ledger';
import { addDays } from '../../../domains/merchants/rules/business-day';
import { insertWallet, withBalance } from '../../../domains/payments/store/wallets';
import { checkStatements } from '../../../domains/settlement/store/settlement-checks';
import { claimItems, closeClaim } from '../../../domains/settlement/store/settlement-claim';
import { countUnposted, postStatements } from '../../../domains/settlement/store/settlement-postings';
import {
  computeStatements,
  merchantPage,
  NO_MERCHANT,
  REPORT_OPTIONS,
} from '../../../domains/settlement/store/settlement-records';
import { ensureRun, startRun } from '../../../domains/settlement/store/settlement-runs';
import type { Queryable, Statement } from '../../../infra/postgres/pool';
import { createTestDatabase, type TestDatabase } from '../../support/database';
import { insertBusiness, insertFeeSchedule, insertMerchant } from '../../support/finance';
import { insertTenant } from '../../support/fixtures';
import { during, happen } from '../../support/settlement';

const FIRST = '2024-01-01';
const MERCHANTS = 20;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** Days on which each merchant sold something and was paid out, all but a held-back share that is given back since. */
async function addHistory(client: PoolClient, tenantId: PublicId, days: number): Promise<void> {
  const payable = accountIdSql({
    tenant: '$2::text',
    code: "'merchant_payable:mer_' || replace(m.id::text, '-', '')",
    currency: "'EUR'",
  });
  await client.query('SET session_replication_role = replica');
  await client.query(
    `WITH runs AS (
       INSERT INTO settlement_runs (id, tenant_id, business_date, time_zone, period_start, period_end, state, trigger,
                                    workflow_id, claimed_at, finished_at, item_count, late_count)
       SELECT gen_random_uuid(), $1, d::date, 'UTC', d - interval '1 minute', d + interval '1439 minutes', 'completed',
              'schedule', 'test', now(), now(), 0, 0
       FROM generate_series($3::timestamptz, $3::timestamptz + ($4::int - 1) * interval '1 day', interval '1 day') AS d
       RETURNING id, business_date, period_end
     ), records AS (
       INSERT INTO settlement_records (run_id, merchant_id, currency, tenant_id, business_date, opening, gross_sales,
         refunds, chargebacks, adjustments, fees, fee_tax, reserve_held, reserve_released, net, paid_out, closing,
         item_count, late_count)
       SELECT r.id, m.id, 'EUR', $1, r.business_date, 0, 100, 0, 0, 0, 0, 0, 10, 10, 100, 100, 0, 1, 0
       FROM runs r, merchants m WHERE m.tenant_id = $1
     ), reserves AS (
       INSERT INTO settlement_reserves (run_id, merchant_id, currency, amount, release_on, released_run_id)
       SELECT r.id, m.id, 'EUR', 10, r.business_date, r.id FROM runs r, merchants m WHERE m.tenant_id = $1
     ), transactions AS (
       INSERT INTO ledger_transactions (id, tenant_id, kind, external_ref, merchant_id, effective_at)
       SELECT md5(r.id::text || m.id::text || 'EUR' || kind)::uuid, $1, kind, r.id::text || m.id::text, m.id, r.period_end
       FROM runs r, merchants m, (VALUES ('settlement'), ('payout')) AS v(kind) WHERE m.tenant_id = $1
     )
     INSERT INTO ledger_entries (transaction_id, account_id, currency, amount)
     SELECT md5(r.id::text || m.id::text || 'EUR' || kind)::uuid, ${payable}, 'EUR', amount
     FROM runs r, merchants m, (VALUES ('settlement', -100), ('payout', 100)) AS v(kind, amount) WHERE m.tenant_id = $1`,
    [toUuid(tenantId), toUuid(tenantId), FIRST, days],
  );
  await client.query('SET session_replication_role = origin');
}

/** Answers as the database does, and counts the pages that its statements touch. */
function counting(client: PoolClient): Queryable & { pages: number } {
  const inner: Queryable = client;
  const db = {
    pages: 0,
    async query<R extends object>(statement: Statement) {
      const { name: _name, ...unnamed } = statement;
      await client.query('SAVEPOINT explained');
      const { rows } = await inner.query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>({
        ...unnamed,
        text: `EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) ${statement.text}`,
      });
      await client.query('ROLLBACK TO SAVEPOINT explained');
      const plan = rows[0]?.['QUERY PLAN'][0].Plan;
      db.pages += (plan?.['Shared Hit Blocks'] ?? 0) + (plan?.['Shared Read Blocks'] ?? 0);
      return inner.query<R>(unnamed);
    },
  };
  return db;
}

/** How many pages are touched by the settlement of the day after some days of history. */
async function pagesToSettle(days: number): Promise<number> {
  const { pool } = database;
  const tenantId = await insertTenant(pool);
  await insertBusiness(pool, tenantId, { timeZone: 'UTC', firstDate: FIRST });
  const schedule = await insertFeeSchedule(pool, tenantId);
  const date = addDays(FIRST, days);
  const merchants: PublicId[] = [];
  for (let n = 0; n < MERCHANTS; n++) merchants.push((await insertMerchant(pool, tenantId)).id);
  const client = await pool.connect();
  try {
    await addHistory(client, tenantId, days);
    for (const merchantId of merchants) {
      const sale = { kind: 'capture' as const, amount: 500n, merchantId, currency: 'EUR', at: during(date, 3) };
      await happen(pool, tenantId, schedule, sale);
    }
    await client.query('VACUUM ANALYZE');
    const day = { date, start: during(date, 0), end: during(addDays(date, 1), 0) };
    const { id: runId } = await ensureRun(pool, {
      tenantId,
      day,
      timeZone: 'UTC',
      trigger: 'manual',
      workflowId: 'test',
    });
    await startRun(pool, tenantId, date);
    await client.query('BEGIN');
    const db = counting(client);
    await claimItems(db, runId, 1_000);
    await closeClaim(db, runId);
    await client.query(REPORT_OPTIONS);
    const { last = NO_MERCHANT } = await merchantPage(db, tenantId, NO_MERCHANT, 100);
    const page = { tenantId, runId, date, after: NO_MERCHANT, upTo: last };
    expect(await computeStatements(db, page)).toEqual([]);
    expect(await checkStatements(db, page)).toEqual([]);
    await postStatements(db, page);
    expect(await countUnposted(db, page)).toBe(0);
    expect(await checkStatements(db, page)).toEqual([]);
    await client.query('COMMIT');
    return db.pages;
  } finally {
    client.release();
  }
}

test('the settlement of a day costs the same however many days were settled before', async () => {
  const [month, tenMonths] = [await pagesToSettle(30), await pagesToSettle(300)];
  process.stdout.write(
    `pages read: ${month} after 30 days, ${tenMonths} after 300: ${(tenMonths / month).toFixed(2)}\n`,
  );
  expect(tenMonths / month).toBeLessThan(1.5);
});

test('what is in a wallet is read at the same cost however often money went in and out', async () => {
  const { pool } = database;
  const tenantId = await insertTenant(pool);
  await insertBusiness(pool, tenantId);
  const made = await insertWallet(pool, { id: newId('wal'), tenantId, currency: 'EUR', owner: 'Ada' });
  if (made === undefined) throw new Error('there is no wallet');
  const move = async (times: number) => {
    for (let n = 0; n < times; n++) {
      const posting = transferPosting(ACCOUNTS.walletFunding, ACCOUNTS.wallet(made.id), 3n);
      await postTransaction(pool, {
        tenantId,
        kind: 'wallet_credit',
        externalRef: newId('eff'),
        currency: 'EUR',
        posting,
        effectiveAt: new Date(),
      });
    }
  };
  const pagesToRead = async () => {
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      const db = counting(client);
      const wallet = await withBalance(db, made);
      await client.query('COMMIT');
      return { pages: db.pages, available: wallet.available };
    } finally {
      client.release();
    }
  };
  await move(40);
  const few = await pagesToRead();
  await move(360);
  const many = await pagesToRead();
  expect([few.available, many.available]).toEqual([120n, 1_200n]);
  expect(many.pages).toBeLessThanOrEqual(few.pages + 2);
});

test('kept balances are the sums of entries, and nobody else changes them', async () => {
  const { pool } = database;
  const { rows } = await pool.query(
    `SELECT a.code FROM ledger_accounts a LEFT JOIN ledger_balances b ON b.account_id = a.id
     WHERE a.code ~ '^(wallet|wallet_held):' AND b.balance IS DISTINCT FROM
       (SELECT sum(amount) FROM ledger_entries WHERE account_id = a.id)`,
  );
  expect(rows).toEqual([]);
  for (const sql of [
    'UPDATE ledger_balances SET balance = 0',
    'DELETE FROM ledger_balances',
    'TRUNCATE ledger_balances',
  ]) {
    await expect(pool.query(sql)).rejects.toThrow(/never change/);
  }
});
