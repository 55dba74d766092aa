import type { Queryable } from '../../../infra/postgres/pool';
import { type StoredEvent, storeEvent } from '../../webhooks';
import { refundEvent } from '../events';
import { effectiveMoment } from '../rules/payment-times';
import { REFUND_MOVES, type RefundMove } from '../rules/refund-states';
import { capturedOf } from '../rules/refundable';
import {
  type RefundSays,
  type RefundStanding,
  type ReportedRefund,
  saidBefore,
  saysOfRefund,
} from '../rules/reported-refund';
import { sumChargebacks } from '../store/chargebacks';
import { moveRefund, type Refund, type RefundChange } from '../store/refunds';
import { bookRefund, type RefundCase } from './book-refund';

/** A refund after a move, and the event that tells of it; without one it has not moved. */
export interface MovedRefund {
  refund: Refund;
  event: StoredEvent | undefined;
}

/** Moves a locked refund, and stores the event. What changes in the books comes first. */
export async function tellMove(
  db: Queryable,
  { refund }: RefundCase,
  move: Exclude<RefundMove, 'resume'>,
  change: RefundChange,
): Promise<MovedRefund> {
  const moved = await moveRefund(db, refund.id, move, change);
  if (moved === undefined) return { refund, event: undefined };
  return { refund: moved, event: await storeEvent(db, refundEvent(REFUND_MOVES[move].tells, moved)) };
}

/** Records what the provider made of a refund. */
export async function recordStanding(
  db: Queryable,
  found: RefundCase,
  standing: Extract<RefundStanding, { state: 'refunded' | 'failed' | 'differs' }>,
): Promise<MovedRefund> {
  if (standing.state === 'differs') return flag(db, found, standing.code, standing.says);
  const { refund } = standing;
  if (standing.state === 'failed') {
    return fail(db, found, 'fail', { failureCode: standing.code, providerReference: refund.id, toldAt: refund.at });
  }
  const { state } = found.refund;
  if (state === 'failed' || state === 'written_off')
    return flag(db, found, 'refunded_after_all', [saysOfRefund(refund)]);
  // The money went back twice: by this refund, and by a chargeback that is posted.
  const { payment } = found;
  const others = payment.refundedAmount - found.refund.bookedAmount + (await sumChargebacks(db, payment)).booked;
  return others + found.refund.amount > capturedOf(payment)
    ? flag(db, found, 'charged_back', [saysOfRefund(refund)])
    : succeed(db, found, refund);
}

/**
 * Records that money went back: refund, payment, order, ledger and event, once.
 *
 * @param done - absent for a wallet
 */
export async function succeed(
  db: Queryable,
  found: RefundCase,
  done: ReportedRefund | undefined,
): Promise<MovedRefund> {
  const { refund } = found;
  if (!mayMove(found, 'succeed')) return { refund, event: undefined };
  const at = effectiveMoment(done?.at, refund.createdAt, new Date());
  const { amount } = refund;
  await bookRefund(db, found, { amount, writtenOff: 0n, reserved: amount }, at);
  return tellMove(db, found, 'succeed', { providerReference: done?.id, refundedAt: at, toldAt: done?.at });
}

/** Records that nothing goes back: its part of the payment can be refunded again, and what was booked is taken back. */
export async function fail(
  db: Queryable,
  found: RefundCase,
  move: 'fail' | 'takeBack' | 'letGo',
  change: RefundChange,
): Promise<MovedRefund> {
  const { refund } = found;
  if (!mayMove(found, move)) return { refund, event: undefined };
  const at = effectiveMoment(change.toldAt, refund.refundedAt ?? refund.createdAt, new Date());
  await bookRefund(db, found, { amount: 0n, writtenOff: 0n, reserved: 0n }, at);
  return tellMove(db, found, move, change);
}

/**
 * Puts a refund before a person; what it keeps of its payment stays set aside, since the money may have gone back.
 *
 * @param says - what the provider says; with it, also one that has ended here is put before a person, unless that was known
 */
export async function flag(
  db: Queryable,
  found: RefundCase,
  code: string,
  says?: RefundSays[],
  toldAt?: Date,
): Promise<MovedRefund> {
  const { refund } = found;
  const move = refund.state === 'pending' ? 'flag' : 'contest';
  const known = says === undefined || (refund.failureCode === code && saidBefore(refund.providerSays, says));
  if (move === 'contest' && known) return { refund, event: undefined };
  return tellMove(db, found, move, { failureCode: code, says, toldAt });
}

function mayMove({ refund }: RefundCase, move: RefundMove): boolean {
  return REFUND_MOVES[move].from.some((state) => state === refund.state);
}
