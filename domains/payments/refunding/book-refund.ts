import type { Queryable } from '../../../infra/postgres/pool';
import {
  ACCOUNTS,
  findPosted,
  type LedgerKind,
  opposite,
  type Posting,
  postTransaction,
  refundPosting,
  refundWriteOffPosting,
} from '../../ledger';
import { type Fee, findBusiness } from '../../merchants';
import { PaymentFault } from '../rules/errors';
import { feeShare } from '../rules/fee-share';
import { capturedOf } from '../rules/refundable';
import { moveOrder } from '../store/orders';
import { lockPayment, type Payment } from '../store/payments';
import { lockRefund, type Refund, setRefundBooks, sumRefunds } from '../store/refunds';

/** A refund and its payment, both locked. */
export interface RefundCase {
  refund: Refund;
  payment: Payment;
}

/** What a refund shall come to. */
export interface RefundTarget {
  /** What went back, at the merchant's cost. */
  amount: bigint;
  /** What the business bears itself. */
  writtenOff: bigint;
  /** What it keeps of its payment from being refunded otherwise. */
  reserved: bigint;
}

/** Locks a refund's payment, then the refund. @throws PaymentFault */
export async function lockRefundCase(
  db: Queryable,
  { id, paymentId }: Pick<Refund, 'id' | 'paymentId'>,
): Promise<RefundCase> {
  const payment = await lockPayment(db, paymentId);
  const refund = await lockRefund(db, id);
  if (payment === undefined || refund === undefined) throw new PaymentFault('there is no such refund');
  return { payment, refund };
}

/**
 * Brings ledger, payment and order to what a refund comes to: takes back what was posted before, if it was anything else,
 * and posts anew. Call it with both locked, before the refund moves.
 *
 * @param at - when it happened
 */
export async function bookRefund(db: Queryable, { refund, payment }: RefundCase, target: RefundTarget, at: Date) {
  if (payment.fee === undefined) throw new PaymentFault('the payment was not captured');
  const account = targetAccount(payment);
  let { bookings } = refund;
  const numbered = () => (bookings === 0 ? refund.id : `${refund.id}:${bookings + 1}`);
  const post = (kind: LedgerKind, externalRef: string, posting: Posting, reversesId?: string) =>
    postTransaction(db, {
      tenantId: payment.tenantId,
      kind,
      externalRef,
      currency: payment.currency,
      posting,
      ...(posting.settlement === undefined ? {} : { merchantId: payment.merchantId }),
      feeScheduleId: payment.feeScheduleId,
      ...(reversesId === undefined ? {} : { reversesId }),
      effectiveAt: at,
    });
  /** Takes the last posting back; it has the number of how often was posted. */
  async function takeBack(kind: 'refund' | 'refund_write_off', posting: Posting): Promise<void> {
    const externalRef = bookings === 1 ? refund.id : `${refund.id}:${bookings}`;
    const original = await findPosted(db, { tenantId: payment.tenantId, kind, externalRef });
    await post(`${kind}_reversal`, externalRef, opposite(posting), original);
  }

  let returned = refund.returned;
  if (refund.bookedAmount !== target.amount) {
    if (refund.bookedAmount > 0n) {
      const { merchantId } = payment;
      await takeBack('refund', refundPosting(account, merchantId, refund.bookedAmount, returned ?? NO_FEE));
      returned = undefined;
    }
    if (target.amount > 0n) {
      returned = await shareOfFee(db, { refund, payment }, target.amount, payment.fee);
      await post('refund', numbered(), refundPosting(account, payment.merchantId, target.amount, returned));
      bookings++;
    }
  }
  if (refund.writtenOffAmount !== target.writtenOff) {
    if (refund.writtenOffAmount > 0n) {
      await takeBack('refund_write_off', refundWriteOffPosting(account, refund.writtenOffAmount));
    }
    if (target.writtenOff > 0n) {
      await post('refund_write_off', numbered(), refundWriteOffPosting(account, target.writtenOff));
      bookings++;
    }
  }
  await setRefundBooks(db, refund, { ...target, returned: target.amount > 0n ? returned : undefined, bookings });
  await moveOrderTo(db, payment, payment.refundedAmount - refund.bookedAmount + target.amount);
}

const NO_FEE: Fee = { fee: 0n, tax: 0n };

/** The part of the capture's fee that goes back. See {@link feeShare}. */
async function shareOfFee(db: Queryable, { refund, payment }: RefundCase, amount: bigint, charged: Fee): Promise<Fee> {
  const policy = (await findBusiness(db, payment.tenantId))?.refundFeePolicy ?? 'keep';
  const { returned } = await sumRefunds(db, payment.id);
  const own = refund.bookedAmount > 0n ? (refund.returned ?? NO_FEE) : NO_FEE;
  const others = { fee: returned.fee - own.fee, tax: returned.tax - own.tax };
  const before = payment.refundedAmount - refund.bookedAmount;
  return feeShare({ charged, captured: capturedOf(payment), before, amount, policy, returned: others });
}

async function moveOrderTo(db: Queryable, payment: Payment, refunded: bigint): Promise<void> {
  const { tenantId, orderId, refundedAmount: before } = payment;
  if (refunded === before) return;
  const all = refunded === capturedOf(payment);
  if (refunded > before) await moveOrder(db, tenantId, orderId, all ? 'refundAll' : 'refundPart');
  else await moveOrder(db, tenantId, orderId, refunded === 0n ? 'restoreAll' : 'restorePart');
}

/** Where the money goes back to. */
export function targetAccount({ source }: Payment): string {
  return source.type === 'card' ? ACCOUNTS.pspClearing : ACCOUNTS.wallet(source.walletId);
}
