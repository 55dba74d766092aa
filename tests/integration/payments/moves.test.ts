import { type PublicId, toUuid } from '../../../core/ids';
import {
  CHARGEBACK_MOVES,
  CHARGEBACK_STATES,
  type ChargebackMove,
} from '../../../domains/payments/rules/chargeback-states';
import type { Moves } from '../../../domains/payments/rules/moves';
import { ORDER_MOVES, ORDER_STATES, type OrderMove } from '../../../domains/payments/rules/order-states';
import { PAYMENT_MOVES, PAYMENT_STATES, type PaymentMove } from '../../../domains/payments/rules/payment-states';
import { REFUND_MOVES, REFUND_STATES, type RefundMove } from '../../../domains/payments/rules/refund-states';
import { moveChargeback } from '../../../domains/payments/store/chargebacks';
import { moveOrder } from '../../../domains/payments/store/orders';
import { movePayment } from '../../../domains/payments/store/payment-changes';
import { moveRefund } from '../../../domains/payments/store/refunds';
import { createTestDatabase, type TestDatabase } from '../../support/database';
import { insertBusiness, insertFeeSchedule } from '../../support/finance';
import { insertTenant } from '../../support/fixtures';
import { insertOnePayment } from '../../support/payments';

let database: TestDatabase;
let tenantId: PublicId;
let feeScheduleId: PublicId;
let ids: Record<string, PublicId>;
beforeAll(async () => {
  database = await createTestDatabase();
  tenantId = await insertTenant(database.pool);
  await insertBusiness(database.pool, tenantId);
  feeScheduleId = (await insertFeeSchedule(database.pool, tenantId)).id;
  ids = await insertOnePayment(database.pool, tenantId);
  // A captured payment has a moment and a fee.
  await database.pool.query('UPDATE payments SET captured_at = now(), fee = 1, fee_tax = 0, fee_schedule_id = $1', [
    toUuid(feeScheduleId),
  ]);
});
afterAll(() => database.drop());

const idOf = (name: string) => ids[name] ?? '';

interface Kind {
  table: 'payments' | 'orders' | 'refunds' | 'chargebacks';
  states: readonly string[];
  moves: Moves<string>;
  move(name: string): Promise<{ state: string } | undefined>;
}

const KINDS: readonly Kind[] = [
  {
    table: 'payments',
    states: PAYMENT_STATES,
    moves: PAYMENT_MOVES,
    move: (name) => movePayment(database.pool, idOf('payments.id'), name as PaymentMove),
  },
  {
    table: 'orders',
    states: ORDER_STATES,
    moves: ORDER_MOVES,
    move: (name) => moveOrder(database.pool, tenantId, idOf('orders.id'), name as OrderMove),
  },
  {
    table: 'refunds',
    states: REFUND_STATES,
    moves: REFUND_MOVES,
    move: (name) => moveRefund(database.pool, idOf('payments.refundId'), name as RefundMove),
  },
  {
    table: 'chargebacks',
    states: CHARGEBACK_STATES,
    moves: CHARGEBACK_MOVES,
    move: (name) => moveChargeback(database.pool, idOf('chargebacks.id'), name as ChargebackMove),
  },
];

test.each(KINDS)('$table move as the table of moves says, from each of their states', async (kind) => {
  const { table, states, moves } = kind;
  for (const state of states) {
    for (const [name, { from, to }] of Object.entries(moves)) {
      // Once its order has gone on, only people move a payment.
      const reset = table === 'payments' ? ', order_released = false' : '';
      await database.pool.query(`UPDATE ${table} SET state = $1${reset}`, [state]);
      const moved = await kind.move(name);
      const { rows } = await database.pool.query(`SELECT state FROM ${table}`);
      const expected = from.includes(state) ? to : state;
      expect([table, state, name, rows[0].state]).toEqual([table, state, name, expected]);
      expect(moved?.state).toBe(from.includes(state) ? to : undefined);
    }
  }
});
