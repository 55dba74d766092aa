import { readFileSync } from 'node:fs';
import path from 'node:path';
import { toUuid } from '../../../core/ids';
import { createTestDatabase, type TestDatabase } from '../../support/database';
import { insertBusiness } from '../../support/finance';
import { insertTenant } from '../../support/fixtures';
import { insertOnePayment } from '../../support/payments';

const FILE = path.resolve(__dirname, '../../../infra/postgres/migrations/0018_refunds_chargebacks.sql');

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
  const [up = '', down = ''] = readFileSync(FILE, 'utf8').split('-- Down Migration');
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
