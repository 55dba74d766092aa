import type { PublicId } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { PaymentRefusal } from '../refusals';
import { leftToRefund } from '../rules/refundable';
import type { FirstStep } from '../store/accept-payments';
import { type AcceptedRefund, findRefundsByKey, insertRefunds } from '../store/accept-refunds';
import { sumChargebacksOf } from '../store/chargebacks';
import { lockPayments, type Payment } from '../store/payments';
import type { Refund } from '../store/refunds';

/** What a request asks for. */
export interface RefundRequest {
  tenantId: PublicId;
  paymentId: PublicId;
  /** Default: all that is left of the payment. */
  amount: bigint | undefined;
  reason: string | undefined;
  requestKey: string;
}

/** A request, and what its refund is called if it makes one. */
export interface NamedRequest extends RefundRequest {
  id: PublicId;
  workflowId: string;
}

/** A refund that a request stands for, with its payment. */
export interface RefundOfPayment {
  refund: Refund;
  payment: Payment;
  isNew: boolean;
}

/**
 * Accepts refunds within the caller's transaction, under the locks of their payments: a dispute that is being told, or another
 * refund, is counted before or comes after. What a batch asks for of one payment is granted in its order.
 *
 * @returns in the order of the requests: the refund, an earlier one with its key, or why there is none
 * @throws a unique violation when a key is taken for another payment at the same moment
 */
export async function acceptRefunds(
  db: Queryable,
  requests: readonly NamedRequest[],
  firstStep: FirstStep,
): Promise<(RefundOfPayment | PaymentRefusal)[]> {
  const payments = await lockPayments(
    db,
    requests.map(({ paymentId }) => paymentId),
  );
  // Statements of their own: only these see what was committed while the locks were waited for.
  const known = await findRefundsByKey(db, requests);
  const desk = new Desk(await leftOf(db, [...payments.values()]));
  const granted = requests.map((request, index) => {
    const payment = payments.get(request.paymentId);
    if (payment?.tenantId !== request.tenantId) return new PaymentRefusal('not-found');
    return desk.grant(request, payment, known[index]);
  });
  const made = await insertRefunds(db, desk.accepted, firstStep);
  return granted.map((grant) => {
    if (grant instanceof PaymentRefusal || 'refund' in grant) return grant;
    const refund = made.get(grant.id);
    if (refund === undefined) throw new Error('a refund was neither stored nor refused');
    return { refund, payment: grant.payment, isNew: grant.isNew };
  });
}

/** What may still be refunded of a payment, and what of it is in dispute. */
interface Left {
  left: bigint;
  blocked: bigint;
}

async function leftOf(db: Queryable, payments: readonly Payment[]): Promise<Map<PublicId, Left>> {
  const disputed = await sumChargebacksOf(db, payments);
  return new Map(
    payments.map((payment, index) => {
      const blocked = disputed[index]?.blocked ?? 0n;
      return [payment.id, { left: leftToRefund(payment, blocked), blocked }];
    }),
  );
}

/** A refund of this batch that is about to be stored. */
interface Granted {
  id: PublicId;
  payment: Payment;
  isNew: boolean;
}

/** Grants the requests of a batch one after the other. */
class Desk {
  readonly accepted: AcceptedRefund[] = [];
  readonly #byKey = new Map<string, AcceptedRefund>();

  constructor(private readonly left: Map<PublicId, Left>) {}

  grant(
    request: NamedRequest,
    payment: Payment,
    known: Refund | undefined,
  ): RefundOfPayment | Granted | PaymentRefusal {
    if (known !== undefined) return isFor(known, request) ? { refund: known, payment, isNew: false } : reused();
    const key = `${request.tenantId}/${request.requestKey}`;
    const first = this.#byKey.get(key);
    if (first !== undefined) return isFor(first, request) ? { id: first.id, payment, isNew: false } : reused();
    const left = this.left.get(payment.id) ?? { left: 0n, blocked: 0n };
    const refusal = refusalOf(request, payment, left);
    if (refusal !== undefined) return refusal;
    const { id, tenantId, paymentId, reason, workflowId, requestKey } = request;
    const amount = request.amount ?? left.left;
    const accepted = {
      ...{ id, tenantId, paymentId, amount, reason, workflowId, requestKey },
      currency: payment.currency,
      askedForAll: request.amount === undefined,
      called: payment.source.type === 'card',
    };
    left.left -= amount;
    this.#byKey.set(key, accepted);
    this.accepted.push(accepted);
    return { id, payment, isNew: true };
  }
}

function refusalOf({ amount, paymentId }: RefundRequest, { state }: Payment, { left, blocked }: Left) {
  if (state !== 'captured') {
    return new PaymentRefusal('not-refundable', `The payment cannot be refunded: it is ${state}.`);
  }
  const disputed = `${blocked} of the payment were charged back or are in dispute (GET /v1/chargebacks?paymentId=${paymentId})`;
  if (left === 0n && blocked > 0n) {
    return new PaymentRefusal('charged-back', `Nothing is left to be refunded: ${disputed}.`);
  }
  if (left === 0n) return new PaymentRefusal('nothing-left', 'Nothing is left of the payment to be refunded.');
  if (amount === undefined || amount <= left) return undefined;
  const why = blocked > 0n ? `; ${disputed}` : '';
  const field = ['amount'];
  return new PaymentRefusal('more-than-left', `is more than is left of the payment, ${left}${why}`, { field });
}

interface Asked {
  paymentId: PublicId;
  amount: bigint;
  reason: string | undefined;
  askedForAll: boolean | undefined;
}

function isFor(asked: Asked, { paymentId, amount, reason }: RefundRequest): boolean {
  if (asked.paymentId !== paymentId || asked.reason !== reason) return false;
  return amount === undefined ? asked.askedForAll !== false : asked.askedForAll !== true && asked.amount === amount;
}

function reused(): PaymentRefusal {
  return new PaymentRefusal('key-reuse', 'The Idempotency-Key was used before for another refund: use a new one.');
}
