import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { newId, toUuid } from '../../../core/ids';
import { findRefundsByKey } from '../../../domains/payments/store/accept-refunds';
import { insertRefund } from '../../../domains/payments/store/refunds';
import { createTestDatabase, type TestDatabase } from '../../support/database';
import { insertBusiness } from '../../support/finance';
import { insertTenant } from '../../support/fixtures';
import { insertOnePayment } from '../../support/payments';

/** The two parts of a migration. */
function migration(name: string): [string, string] {
  const file = path.resolve(__dirname, `../../../infra/postgres/migrations/${name}.sql`);
  const [up = '', down = ''] = readFileSync(file, 'utf8').split('-- Down Migration');
  return [up, down];
}

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test('refunds and chargebacks of before say that they may have been sent, and what was booked', async () => {
  const { pool } = database;
  const tenantId = await insertTenant(pool);
  await insertBusiness(pool, tenantId);
  const ids = await insertOnePayment(pool, tenantId);
  const refund = toUuid(ids['payments.refundId'] ?? '');
  await pool.query("UPDATE payments SET wallet_id = NULL, card_token = 'tok_ok'");
  await pool.query("UPDATE chargebacks SET state = 'posted', fee = 15, fee_tax = 2");
  const [up, down] = migration('0018_refunds_chargebacks');
  for (const state of ['pending', 'succeeded', 'failed', 'needs_review']) {
    await pool.query('UPDATE refunds SET state = $1 WHERE id = $2', [state, refund]);
    await pool.query(down);
    await pool.query(up);
    const { rows } = await pool.query('SELECT * FROM refunds');
    expect(rows[0]).toMatchObject({
      state,
      calls: 1,
      refused_calls: 0,
      reserved: state === 'failed' ? '0' : '100',
      booked_amount: state === 'succeeded' ? '100' : '0',
      reviews: state === 'needs_review' ? 1 : 0,
    });
    expect(rows[0].first_called_at).toEqual(rows[0].created_at);
  }
  const { rows } = await pool.query('SELECT * FROM chargebacks');
  expect(rows[0]).toMatchObject({ booked_amount: '100', booked_fee: '15', booked_fee_tax: '2', bookings: 1 });
});

test('a request of before finds its refund by its key, also when a process of before makes it after the migration', async () => {
  const { pool } = database;
  const tenantId = await insertTenant(pool);
  await insertBusiness(pool, tenantId);
  const { 'payments.refundId': id = '', 'payments.id': paymentId = '' } = await insertOnePayment(pool, tenantId);
  const [up, down] = migration('0023_refund_engine');
  const asked = async (refundId: string) => {
    const key = randomUUID();
    await pool.query(
      `INSERT INTO idempotency_records (tenant_id, principal_id, route, key, fingerprint, state, effect_id, expires_at)
       VALUES ($1, $1, 'POST /v1/payments/{id}/refunds', $2, '', 'interrupted', $3, now() + interval '1 day')`,
      [toUuid(tenantId), key, toUuid(refundId)],
    );
    return key;
  };
  const before = await asked(id);
  await pool.query(down);
  await pool.query(up);
  const late = newId('ref');
  const after = await asked(late);
  const money = { tenantId, amount: 100n, currency: 'EUR', workflowId: 'w' };
  await insertRefund(pool, { ...money, id: late, paymentId, reason: undefined });
  const found = await findRefundsByKey(pool, [
    { tenantId, requestKey: before },
    { tenantId, requestKey: randomUUID() },
    { tenantId, requestKey: after },
  ]);
  expect(found.map((refund) => refund?.id)).toEqual([id, undefined, late]);
  expect(found[0]).toMatchObject({ askedForAll: undefined, claim: undefined });
});
