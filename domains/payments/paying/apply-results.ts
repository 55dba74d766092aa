import type { PublicId } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { ACCOUNTS, capturePosting, type NewLedgerTransaction, postTransactions } from '../../ledger';
import { type Fee, feeOf, feeSchedulesFor } from '../../merchants';
import type { OwnEvent, StoreEvents } from '../../webhooks';
import { paymentEvent } from '../events';
import type { ProviderSays } from '../rules/charge';
import { PaymentFault } from '../rules/errors';
import { PAYMENT_MOVES, type PaymentMove } from '../rules/payment-states';
import { effectiveMoment } from '../rules/payment-times';
import { moveOrders } from '../store/orders';
import { changePayments, type PaymentChange } from '../store/payment-changes';
import { type Payment, readPayment } from '../store/payments';
import { holdTransaction } from '../wallets/hold-transaction';

/** What became of a payment. */
export type PaymentResult =
  /** The money is taken: a fact, whoever reports it. `charge` is absent for a wallet. */
  | {
      kind: 'captured';
      payment: Payment;
      charge?: { id: string; capturedAt: Date | undefined } | undefined;
      /** A wallet's money that is not set aside yet: that is posted along with the capture. */
      holds?: PublicId | undefined;
    }
  | { kind: 'ended'; payment: Payment; move: 'decline' | 'fail' | 'void'; code: string; claim?: string | undefined }
  | { kind: 'review'; payment: Payment; code: string; says?: ProviderSays | undefined; claim?: string | undefined };

interface Fees {
  at: Date;
  fee: Fee;
  feeScheduleId: PublicId;
}

/**
 * Records what became of payments, within the caller's transaction: payments, orders, ledger and events, each once. A
 * capture's fee is computed here and stays with the payment.
 *
 * @param results - of different payments
 * @returns in the order of the results: the payment as it is now, or why a capture cannot be posted
 */
export async function applyResults(
  db: Queryable,
  results: readonly PaymentResult[],
  store: StoreEvents,
): Promise<(Payment | PaymentFault)[]> {
  const fees = await feesOf(db, results);
  const changes = results.flatMap((result, index) => {
    const change = changeFor(result, fees[index]);
    return change === undefined ? [] : [change];
  });
  const moved = await move(db, changes, fees, store, results);
  const outcomes: (Payment | PaymentFault)[] = [];
  for (const [index, result] of results.entries()) {
    const { id, currency } = result.payment;
    const now = moved.get(id);
    if (now !== undefined) outcomes.push(now);
    else if (result.kind === 'captured' && fees[index] === undefined) {
      outcomes.push(new PaymentFault(`the merchant has no fee schedule for ${currency}`));
    } else outcomes.push(await unmoved(db, result, store));
  }
  return outcomes;
}

/** The fees of the captures among them; undefined where no schedule is in force. */
async function feesOf(db: Queryable, results: readonly PaymentResult[]): Promise<(Fees | undefined)[]> {
  const captures = results.flatMap((result, index) => (result.kind === 'captured' ? [{ result, index }] : []));
  const fees: (Fees | undefined)[] = new Array(results.length).fill(undefined);
  if (captures.length === 0) return fees;
  const now = new Date();
  const questions = captures.map(({ result: { payment, charge } }) => {
    const { tenantId, merchantId, currency, createdAt } = payment;
    return { tenantId, merchantId, currency, at: effectiveMoment(charge?.capturedAt, createdAt, now) };
  });
  const schedules = await feeSchedulesFor(db, questions);
  for (const [place, { result, index }] of captures.entries()) {
    const schedule = schedules[place];
    const at = questions[place]?.at;
    if (schedule === undefined || at === undefined) continue;
    fees[index] = { at, fee: feeOf(result.payment.amount, schedule.terms), feeScheduleId: schedule.id };
  }
  return fees;
}

function changeFor(result: PaymentResult, fees: Fees | undefined): PaymentChange | undefined {
  const { id } = result.payment;
  switch (result.kind) {
    case 'captured':
      return fees && { id, move: 'capture', providerReference: result.charge?.id, capture: fees };
    case 'ended':
      return { id, move: result.move, claim: result.claim, declineCode: result.code };
    case 'review':
      return {
        id,
        move: 'flag',
        claim: result.claim,
        declineCode: result.code,
        says: result.says,
        providerReference: result.says?.chargeId,
      };
  }
}

/** Makes the moves, with what belongs to each. */
async function move(
  db: Queryable,
  changes: readonly PaymentChange[],
  fees: readonly (Fees | undefined)[],
  store: StoreEvents,
  results: readonly PaymentResult[],
): Promise<ReadonlyMap<PublicId, Payment>> {
  const moved = await changePayments(db, changes);
  const moves = new Map<PublicId, PaymentMove>(changes.map(({ id, move }) => [id, move]));
  const orders = [];
  const events: OwnEvent[] = [];
  const postings: NewLedgerTransaction[] = [];
  for (const payment of moved.values()) {
    const made = moves.get(payment.id);
    if (made === undefined) continue;
    const rule = PAYMENT_MOVES[made];
    if ('order' in rule && !payment.orderReleased) orders.push({ id: payment.orderId, move: rule.order });
    if ('tells' in rule) events.push(paymentEvent(rule.tells, payment));
  }
  for (const [index, result] of results.entries()) {
    const captured = moved.get(result.payment.id);
    const fee = fees[index];
    if (result.kind !== 'captured' || captured === undefined || fee === undefined) continue;
    if (result.holds !== undefined) postings.push(holdTransaction(captured, result.holds));
    postings.push(captureTransaction(captured, fee));
  }
  await moveOrders(db, orders);
  await postTransactions(db, postings);
  await store(db, events);
  return moved;
}

function captureTransaction(payment: Payment, { fee, feeScheduleId, at }: Fees): NewLedgerTransaction {
  const { tenantId, id, currency, merchantId, amount, source } = payment;
  const from = source.type === 'card' ? ACCOUNTS.pspClearing : ACCOUNTS.walletHeld(source.walletId);
  return {
    tenantId,
    kind: PAYMENT_MOVES.capture.posts,
    externalRef: id,
    currency,
    posting: capturePosting(from, merchantId, amount, fee),
    merchantId,
    feeScheduleId,
    effectiveAt: at,
  };
}

/** A result whose move was not allowed: somebody else has moved the payment. Money taken beside that is put before a person. */
async function unmoved(db: Queryable, result: PaymentResult, store: StoreEvents): Promise<Payment> {
  const payment = await readPayment(db, result.payment.id);
  if (payment === undefined) throw new PaymentFault('there is no such payment');
  if (result.kind !== 'captured' || result.charge === undefined) return payment;
  const { charge } = result;
  const known = [payment.providerReference, payment.providerSays?.chargeId].includes(charge.id);
  if (payment.state === 'captured' ? known : payment.state === 'needs_review') return payment;
  const says = {
    chargeId: charge.id,
    state: 'captured' as const,
    amount: payment.amount.toString(),
    currency: payment.currency,
  };
  const change: PaymentChange =
    payment.state === 'captured'
      ? { id: payment.id, move: 'report', declineCode: 'charged_twice', says }
      : { id: payment.id, move: 'surface', declineCode: 'captured_after_end', says, providerReference: charge.id };
  const moved = (await changePayments(db, [change])).get(payment.id);
  if (moved === undefined) return payment;
  await store(db, [paymentEvent('payment.needs_review', moved)]);
  return moved;
}
