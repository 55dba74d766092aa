import { newId, type PublicId, toUuid } from '../../../core/ids';
import { ACCOUNTS, adjustmentPosting, transferPosting } from '../../../domains/ledger/rules/postings';
import { accountId } from '../../../domains/ledger/store/account-id';
import { postTransaction } from '../../../domains/ledger/store/ledger';
import { createTestDatabase, type TestDatabase } from '../../support/database';
import { insertBusiness, insertMerchant } from '../../support/finance';
import { insertTenant } from '../../support/fixtures';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

interface Posted {
  tenantId: PublicId;
  merchantId: PublicId;
  transaction: string;
  /** The ids of `adjustments` and of the merchant's pending account, in EUR. */
  accounts: [string, string];
}

async function posted(): Promise<Posted> {
  const { pool } = database;
  const tenantId = await insertTenant(pool);
  await insertBusiness(pool, tenantId);
  const merchant = await insertMerchant(pool, tenantId);
  const { id } = await postTransaction(pool, {
    tenantId,
    kind: 'adjustment',
    externalRef: newId('adj'),
    currency: 'EUR',
    posting: adjustmentPosting(merchant.id, 500n),
    merchantId: merchant.id,
    effectiveAt: new Date(),
  });
  const code = ACCOUNTS.merchantPending(merchant.id);
  return {
    tenantId,
    merchantId: merchant.id,
    transaction: toUuid(id),
    accounts: [
      accountId({ tenantId, code: ACCOUNTS.adjustments, currency: 'EUR' }),
      accountId({ tenantId, code, currency: 'EUR' }),
    ],
  };
}

const PAIR = `INSERT INTO ledger_entries (transaction_id, account_id, currency, amount)
              VALUES ($1, $2, 'EUR', 7), ($1, $3, 'EUR', -7)`;

/** Two further accounts, so that the pair is refused for what it is and not for naming an account twice. */
async function otherAccounts({ tenantId }: Posted): Promise<[string, string]> {
  const codes = [ACCOUNTS.pspClearing, ACCOUNTS.bankInTransit];
  await postTransaction(database.pool, {
    tenantId,
    kind: 'payout',
    externalRef: newId('adj'),
    currency: 'EUR',
    posting: transferPosting(ACCOUNTS.pspClearing, ACCOUNTS.bankInTransit, 1n),
    effectiveAt: new Date(),
  });
  const [one = '', two = ''] = codes.map((code) => accountId({ tenantId, code, currency: 'EUR' }));
  return [one, two];
}

test('nothing is appended to a transaction, not even a pair that balances', async () => {
  const made = await posted();
  const accounts = await otherAccounts(made);
  await expect(database.pool.query(PAIR, [made.transaction, ...accounts])).rejects.toThrow(/has its entries already/);
});

test('nor within the database transaction that posted it', async () => {
  const made = await posted();
  const accounts = await otherAccounts(made);
  const client = await database.pool.connect();
  await client.query('BEGIN');
  const { id } = await postTransaction(client, {
    tenantId: made.tenantId,
    kind: 'adjustment',
    externalRef: newId('adj'),
    currency: 'EUR',
    posting: adjustmentPosting(made.merchantId, 3n),
    merchantId: made.merchantId,
    effectiveAt: new Date(),
  });
  await expect(client.query(PAIR, [toUuid(id), ...accounts])).rejects.toThrow(/has its entries already/);
  await client.query('ROLLBACK');
  client.release();
});

test('there is no transaction without entries', async () => {
  const { tenantId } = await posted();
  await expect(
    database.pool.query(
      `INSERT INTO ledger_transactions (id, tenant_id, kind, external_ref, effective_at)
       VALUES (gen_random_uuid(), $1, 'adjustment', 'empty', now())`,
      [toUuid(tenantId)],
    ),
  ).rejects.toThrow(/has no entries/);
});

test('one bad transaction of a batch refuses the whole statement', async () => {
  const { tenantId, accounts } = await posted();
  const batch = (last: number) =>
    database.pool.query(
      `WITH made AS (
         INSERT INTO ledger_transactions (id, tenant_id, kind, external_ref, effective_at)
         SELECT gen_random_uuid(), $1, 'adjustment', 'batch ' || n, now() FROM generate_series(1, 100) AS n
         RETURNING id, external_ref
       )
       INSERT INTO ledger_entries (transaction_id, account_id, currency, amount)
       SELECT id, account, 'EUR', amount FROM made
       CROSS JOIN LATERAL (VALUES ($2::uuid, 5), ($3::uuid, CASE external_ref WHEN 'batch 100' THEN $4::int ELSE -5 END))
         AS e(account, amount)`,
      [toUuid(tenantId), ...accounts, last],
    );
  await expect(batch(-6)).rejects.toThrow(/does not balance/);
  expect((await batch(-5)).rowCount).toBe(200);
});

test('an entry has the currency and the tenant of its account', async () => {
  const [mine, other] = [await posted(), await posted()];
  const post = (currency: string, account: string) =>
    database.pool.query(
      `WITH made AS (
         INSERT INTO ledger_transactions (id, tenant_id, kind, external_ref, effective_at)
         VALUES (gen_random_uuid(), $1, 'adjustment', gen_random_uuid()::text, now()) RETURNING id
       )
       INSERT INTO ledger_entries (transaction_id, account_id, currency, amount)
       SELECT id, account, $2, amount FROM made, (VALUES ($3::uuid, 5), ($4::uuid, -5)) AS e(account, amount)`,
      [toUuid(mine.tenantId), currency, mine.accounts[0], account],
    );
  await expect(post('USD', mine.accounts[1])).rejects.toThrow(/currency and the tenant/);
  await expect(post('EUR', other.accounts[1])).rejects.toThrow(/currency and the tenant/);
  expect((await post('EUR', mine.accounts[1])).rowCount).toBe(2);
});

test.each([
  'UPDATE ledger_accounts SET code = code || 1 WHERE id = $1',
  'DELETE FROM ledger_accounts WHERE id = $1',
  'UPDATE ledger_entries SET account_id = $1',
  'TRUNCATE ledger_entries',
  'TRUNCATE ledger_transactions CASCADE',
  'TRUNCATE ledger_accounts CASCADE',
  'TRUNCATE fee_schedules CASCADE',
  'TRUNCATE settlement_items',
  'TRUNCATE finance_audit_log',
  'TRUNCATE finance_audit_heads',
  'TRUNCATE tenants CASCADE',
])('refused: %s', async (sql) => {
  const { accounts } = await posted();
  const values = sql.includes('$1') ? [accounts[1]] : [];
  await expect(database.pool.query(sql, values)).rejects.toThrow(/never change/);
});
