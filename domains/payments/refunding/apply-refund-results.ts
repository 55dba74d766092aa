import type { PublicId } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { type NewLedgerTransaction, postTransactions, refundPosting } from '../../ledger';
import { type Business, type Fee, findBusiness } from '../../merchants';
import type { StoreEvents } from '../../webhooks';
import { refundEvent } from '../events';
import { feeShare } from '../rules/fee-share';
import { effectiveMoment } from '../rules/payment-times';
import { isRefundEnded, REFUND_MOVES } from '../rules/refund-states';
import { capturedOf } from '../rules/refundable';
import type { ReportedRefund } from '../rules/reported-refund';
import { type Disputed, sumChargebacksOf } from '../store/chargebacks';
import { moveOrders } from '../store/orders';
import { lockPayments, type Payment } from '../store/payments';
import { endRefunds, lockRefunds, type RefundEnd } from '../store/refund-results';
import { type Refund, type RefundSums, sumRefundsOf } from '../store/refunds';
import { targetAccount } from './book-refund';

/** What came of the first step of a refund. */
export type RefundResult =
  /** The money is back: a fact, whoever reports it. `done` is absent for a wallet. */
  | { kind: 'refunded'; refund: Refund; done: ReportedRefund | undefined }
  /** The only call that was made for it moved nothing: `refused`, or the provider has a refund that failed. */
  | { kind: 'failed'; refund: Refund; code: string; failed: ReportedRefund | undefined; claim: string };

/** What is known of the refunds of a batch, all locked. Changes as the batch is gone through. */
interface Books {
  refunds: ReadonlyMap<PublicId, Refund>;
  payments: ReadonlyMap<PublicId, Payment>;
  disputed: ReadonlyMap<PublicId, Disputed>;
  returned: Map<PublicId, Fee>;
  refunded: Map<PublicId, bigint>;
  policies: ReadonlyMap<PublicId, Business['refundFeePolicy']>;
}

/**
 * Records what came of first steps, within the caller's transaction: refunds, payments, orders, ledger and events, each
 * once. What is not clean is left alone: somebody else has the refund, or the money is back twice.
 *
 * @param results - of different refunds
 * @returns in their order: the refund once it has ended, undefined when it is for its workflow to go on with
 */
export async function applyRefundResults(
  db: Queryable,
  results: readonly RefundResult[],
  store: StoreEvents,
): Promise<(Refund | undefined)[]> {
  const books = await readBooks(
    db,
    results.map(({ refund }) => refund),
  );
  const ends: RefundEnd[] = [];
  const postings: NewLedgerTransaction[] = [];
  const booked = new Set<PublicId>();
  for (const result of results) {
    const end = endOf(result, books);
    if (end === undefined) continue;
    ends.push(end);
    const payment = books.payments.get(end.refund.paymentId);
    if (end.returned === undefined || end.refundedAt === undefined || payment === undefined) continue;
    postings.push(refundTransaction(payment, end.refund, end.returned, end.refundedAt));
    booked.add(payment.id);
  }
  const ended = await endRefunds(db, ends);
  await moveOrders(
    db,
    [...booked].flatMap((id) => {
      const payment = books.payments.get(id);
      if (payment === undefined) return [];
      const all = books.refunded.get(id) === capturedOf(payment);
      return [{ id: payment.orderId, move: all ? ('refundAll' as const) : ('refundPart' as const) }];
    }),
  );
  await postTransactions(db, postings);
  const events = ends.flatMap(({ refund, move }) => {
    const now = ended.get(refund.id);
    return now === undefined ? [] : [refundEvent(REFUND_MOVES[move].tells, now)];
  });
  await store(db, events);
  return results.map(({ refund }) => {
    const now = ended.get(refund.id) ?? books.refunds.get(refund.id);
    return now !== undefined && isRefundEnded(now) ? now : undefined;
  });
}

async function readBooks(db: Queryable, asked: readonly Refund[]): Promise<Books> {
  const payments = await lockPayments(
    db,
    asked.map(({ paymentId }) => paymentId),
  );
  const refunds = await lockRefunds(
    db,
    asked.map(({ id }) => id),
  );
  const all = [...payments.values()];
  const disputed = await sumChargebacksOf(db, all);
  const sums = await sumRefundsOf(
    db,
    all.map(({ id }) => id),
  );
  const policies = new Map<PublicId, Business['refundFeePolicy']>();
  for (const tenantId of new Set(all.map((payment) => payment.tenantId))) {
    policies.set(tenantId, (await findBusiness(db, tenantId))?.refundFeePolicy ?? 'keep');
  }
  return {
    refunds,
    payments,
    disputed: byPayment(all, disputed),
    returned: byPayment(
      all,
      sums.map(({ returned }: RefundSums) => returned),
    ),
    refunded: byPayment(
      all,
      all.map(({ refundedAmount }) => refundedAmount),
    ),
    policies,
  };
}

function byPayment<T>(payments: readonly Payment[], values: readonly T[]): Map<PublicId, T> {
  return new Map(
    payments.flatMap(({ id }, index) => {
      const value = values[index];
      return value === undefined ? [] : [[id, value]];
    }),
  );
}

/** How a refund ends by a result; undefined if the result is not clean. */
function endOf(result: RefundResult, books: Books): RefundEnd | undefined {
  const refund = books.refunds.get(result.refund.id);
  const payment = refund && books.payments.get(refund.paymentId);
  if (refund?.state !== 'pending' || payment?.fee === undefined || refund.bookings > 0) return undefined;
  return result.kind === 'refunded' ? success(refund, payment, result.done, books) : failure(refund, result);
}

function success(
  refund: Refund,
  payment: Payment,
  done: ReportedRefund | undefined,
  books: Books,
): RefundEnd | undefined {
  const { id, fee: charged = NO_FEE } = payment;
  const before = books.refunded.get(id) ?? payment.refundedAmount;
  const captured = capturedOf(payment);
  // Refunded and charged back: the workflow puts it before a person.
  if (before + refund.amount + (books.disputed.get(id)?.booked ?? 0n) > captured) return undefined;
  const returned = books.returned.get(id) ?? NO_FEE;
  const policy = books.policies.get(payment.tenantId) ?? 'keep';
  const share = feeShare({ charged, returned, captured, before, amount: refund.amount, policy });
  books.refunded.set(id, before + refund.amount);
  books.returned.set(id, { fee: returned.fee + share.fee, tax: returned.tax + share.tax });
  return {
    refund,
    move: 'succeed',
    failureCode: undefined,
    providerReference: done?.id,
    refundedAt: effectiveMoment(done?.at, refund.createdAt, new Date()),
    toldAt: done?.at,
    returned: share,
    refusedCalls: 0,
  };
}

const NO_FEE: Fee = { fee: 0n, tax: 0n };

/** Only while this process holds the lease, and no other call may have been received. */
function failure(
  refund: Refund,
  { code, failed, claim }: Extract<RefundResult, { kind: 'failed' }>,
): RefundEnd | undefined {
  if (refund.claim !== claim || refund.calls - refund.refusedCalls !== 1) return undefined;
  return {
    refund,
    move: 'fail',
    failureCode: code,
    providerReference: failed?.id,
    refundedAt: undefined,
    toldAt: failed?.at,
    returned: undefined,
    refusedCalls: failed === undefined ? 1 : 0,
  };
}

function refundTransaction(payment: Payment, refund: Refund, returned: Fee, at: Date): NewLedgerTransaction {
  const { tenantId, merchantId, currency, feeScheduleId } = payment;
  return {
    tenantId,
    kind: REFUND_MOVES.succeed.posts,
    externalRef: refund.id,
    currency,
    posting: refundPosting(targetAccount(payment), merchantId, refund.amount, returned),
    merchantId,
    feeScheduleId,
    effectiveAt: at,
  };
}
