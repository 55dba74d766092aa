import type { PublicId } from '../../../core/ids';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { type StoredEvent, storeEvent } from '../../webhooks';
import type { PaymentDeps } from '../deps';
import { paymentEvent } from '../events';
import { PAYMENT_MOVES } from '../rules/payment-states';
import { moveOrder } from '../store/orders';
import { movePayment } from '../store/payment-changes';
import { tellEvents } from '../tell-events';

const MOVE_TO = { declined: 'decline', failed: 'fail', voided: 'void' } as const;

/** Ends a payment that took no money: its order can be paid again. */
export async function endPayment(
  deps: PaymentDeps,
  paymentId: PublicId,
  state: keyof typeof MOVE_TO,
  code: string,
): Promise<void> {
  await tellEvents(deps, [await inTransaction(deps.pool, (db) => endIn(db, paymentId, MOVE_TO[state], code))]);
}

/** As {@link endPayment}, within the caller's transaction. */
export async function endIn(
  db: Queryable,
  paymentId: PublicId,
  move: (typeof MOVE_TO)[keyof typeof MOVE_TO] | 'release',
  code: string,
): Promise<StoredEvent | undefined> {
  const { tells, order } = PAYMENT_MOVES[move];
  const ended = await movePayment(db, paymentId, move, { declineCode: code });
  if (ended === undefined) return undefined;
  await moveOrder(db, ended.tenantId, ended.orderId, order);
  return storeEvent(db, paymentEvent(tells, ended));
}
