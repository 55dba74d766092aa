import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Pool } from 'pg';
import pino from 'pino';
import { newId, toUuid } from '../../../core/ids';
import { MAX_AMOUNT } from '../../../core/money';
import { ACCOUNTS, adjustmentPosting, transferPosting } from '../../../domains/ledger/rules/postings';
import { accountBalance, postTransaction } from '../../../domains/ledger/store/ledger';
import { createPool } from '../../../infra/postgres/pool';
import { administer, databaseUrl } from '../../support/database';
import { insertBusiness, insertFeeSchedule } from '../../support/finance';
import { insertTenant } from '../../support/fixtures';

const MIGRATIONS = path.resolve(__dirname, '../../../infra/postgres/migrations');
const SUMS = '0013_sums.sql';
const NAME = `waybill_test_${randomBytes(6).toString('hex')}`;

let pool: Pool;
beforeAll(async () => {
  await administer(`CREATE DATABASE ${NAME}`);
  pool = createPool(databaseUrl(NAME), { max: 3 }, pino({ level: 'silent' }));
  for (const file of readdirSync(MIGRATIONS).sort()) if (file < SUMS) await up(file);
});
afterAll(async () => {
  await pool.end();
  await administer(`DROP DATABASE IF EXISTS ${NAME} WITH (FORCE)`);
});

async function up(file: string): Promise<void> {
  const [sql = ''] = readFileSync(path.join(MIGRATIONS, file), 'utf8').split('-- Down Migration');
  await pool.query(`BEGIN; ${sql}; COMMIT`);
}

test('what was posted before there were bounds and kept balances stays, is counted, and can be taken back', async () => {
  const tenantId = await insertTenant(pool);
  await insertBusiness(pool, tenantId);
  await insertFeeSchedule(pool, tenantId, { fixed: MAX_AMOUNT });
  const merchantId = newId('mer');
  await pool.query('INSERT INTO merchants (id, tenant_id, name, payout_minimum) VALUES ($1, $2, $3, $4)', [
    toUuid(merchantId),
    toUuid(tenantId),
    'Tea house',
    String(MAX_AMOUNT),
  ]);
  await pool.query(
    "INSERT INTO orders (id, tenant_id, merchant_id, amount, currency) VALUES (gen_random_uuid(), $1, $2, $3, 'EUR')",
    [toUuid(tenantId), toUuid(merchantId), String(MAX_AMOUNT)],
  );
  const [wallet, payable] = [ACCOUNTS.wallet(newId('wal')), ACCOUNTS.merchantPayable(merchantId)];
  const post = (
    kind: 'wallet_credit' | 'settlement' | 'adjustment',
    posting: Parameters<typeof postTransaction>[1]['posting'],
  ) => {
    const what = { tenantId, kind, externalRef: newId('eff'), currency: 'EUR', posting, effectiveAt: new Date() };
    return postTransaction(pool, kind === 'adjustment' ? { ...what, merchantId } : what);
  };
  await post('wallet_credit', transferPosting(ACCOUNTS.walletFunding, wallet, MAX_AMOUNT));
  await post('wallet_credit', transferPosting(ACCOUNTS.walletFunding, wallet, MAX_AMOUNT));
  await post('settlement', transferPosting(ACCOUNTS.merchantPending(merchantId), payable, 77n));
  const { id } = await post('adjustment', adjustmentPosting(merchantId, MAX_AMOUNT));

  await up(SUMS);
  const kept = async () => {
    const { rows } = await pool.query<{ code: string; balance: string }>(
      'SELECT a.code, b.balance FROM ledger_balances b JOIN ledger_accounts a ON a.id = b.account_id',
    );
    return new Map(rows.map(({ code, balance }) => [code, BigInt(balance)]));
  };
  expect(await kept()).toEqual(
    new Map([
      [wallet, -2n * MAX_AMOUNT],
      [payable, -77n],
    ]),
  );
  await post('wallet_credit', transferPosting(ACCOUNTS.walletFunding, wallet, 5n));
  expect((await kept()).get(wallet)).toBe(-2n * MAX_AMOUNT - 5n);
  expect(await accountBalance(pool, { tenantId, code: ACCOUNTS.walletFunding, currency: 'EUR' })).toBe(
    2n * MAX_AMOUNT + 5n,
  );

  await expect(post('adjustment', adjustmentPosting(merchantId, -MAX_AMOUNT))).rejects.toThrow(/out of bounds/);
  const back = {
    tenantId,
    kind: 'adjustment' as const,
    externalRef: newId('eff'),
    currency: 'EUR',
    posting: adjustmentPosting(merchantId, -MAX_AMOUNT),
    merchantId,
    reversesId: id,
    effectiveAt: new Date(),
  };
  await expect(postTransaction(pool, back)).resolves.toMatchObject({ posted: true });
});
