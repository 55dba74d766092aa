import type { PublicId } from '../../../core/ids';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { chargebackPosting, chargebackReversalPosting, type NewLedgerTransaction, postTransaction } from '../../ledger';
import { type Fee, findFeeSchedule, taxOn } from '../../merchants';
import { type StoredEvent, storeEvent } from '../../webhooks';
import type { PaymentDeps } from '../deps';
import { chargebackEvent } from '../events';
import { CHARGEBACK_MOVES } from '../rules/chargeback-states';
import { PaymentFault } from '../rules/errors';
import type { ChargebackStanding } from '../rules/payment-flow';
import { effectiveMoment } from '../rules/payment-times';
import { type Chargeback, lockChargeback, moveChargeback } from '../store/chargebacks';
import { lockPayment, type Payment } from '../store/payments';
import { tellEvents } from '../tell-events';

/**
 * Posts a chargeback, and reverses it if it was won: each once, with its event, in one transaction.
 *
 * @throws PaymentFault when there is no such chargeback, or no fee schedule says what it costs the merchant
 */
export async function recordChargeback(deps: PaymentDeps, chargebackId: PublicId): Promise<ChargebackStanding> {
  const events: StoredEvent[] = [];
  const standing = await inTransaction(deps.pool, async (db): Promise<ChargebackStanding> => {
    const chargeback = await lockChargeback(db, chargebackId);
    const payment = chargeback && (await lockPayment(db, chargeback.paymentId));
    if (chargeback === undefined || payment === undefined) throw new PaymentFault('there is no such chargeback');
    if (chargeback.state === 'needs_review' || chargeback.state === 'reversed') return chargeback.state;
    if (payment.state !== 'captured') return 'waiting';
    if (chargeback.amount > payment.amount || chargeback.currency !== payment.currency) {
      const flagged = await moveChargeback(db, chargebackId, 'flag');
      if (flagged !== undefined)
        events.push(await storeEvent(db, chargebackEvent(CHARGEBACK_MOVES.flag.tells, flagged)));
      return 'needs_review';
    }
    let current = chargeback;
    if (current.state === 'received') {
      current = await post(db, chargeback, payment);
      events.push(await storeEvent(db, chargebackEvent(CHARGEBACK_MOVES.post.tells, current)));
    }
    if (current.state !== 'won') return 'posted';
    const reversed = await reverse(db, current, payment);
    events.push(await storeEvent(db, chargebackEvent(CHARGEBACK_MOVES.reverse.tells, reversed)));
    return 'reversed';
  });
  await tellEvents(deps, events);
  return standing;
}

async function post(db: Queryable, chargeback: Chargeback, payment: Payment): Promise<Chargeback> {
  const { tenantId, feeScheduleId = '' } = payment;
  const schedule = await findFeeSchedule(db, tenantId, feeScheduleId);
  if (schedule === undefined) throw new PaymentFault('the payment has no fee schedule');
  const { disputeFee, taxBps } = schedule.terms;
  const fee = { fee: disputeFee, tax: taxOn(disputeFee, taxBps) };
  const posted = await moveChargeback(db, chargeback.id, chargeback.wonAt === undefined ? 'post' : 'postWon', fee);
  if (posted === undefined) throw new Error('a locked chargeback has moved');
  await postTransaction(db, transactionOf(posted, payment, fee));
  return posted;
}

async function reverse(db: Queryable, chargeback: Chargeback, payment: Payment): Promise<Chargeback> {
  const { fee, wonAt, amount } = chargeback;
  const reversed = await moveChargeback(db, chargeback.id, 'reverse');
  if (fee === undefined || reversed === undefined) throw new PaymentFault('a chargeback was won that was never posted');
  const original = transactionOf(chargeback, payment, fee);
  const { id } = await postTransaction(db, original);
  await postTransaction(db, {
    ...original,
    kind: CHARGEBACK_MOVES.reverse.posts,
    posting: chargebackReversalPosting(payment.merchantId, amount, fee),
    reversesId: id,
    effectiveAt: effectiveMoment(wonAt, chargeback.createdAt, new Date()),
  });
  return reversed;
}

function transactionOf(chargeback: Chargeback, payment: Payment, fee: Fee): NewLedgerTransaction {
  return {
    tenantId: payment.tenantId,
    kind: CHARGEBACK_MOVES.post.posts,
    externalRef: chargeback.id,
    currency: payment.currency,
    posting: chargebackPosting(payment.merchantId, chargeback.amount, fee),
    merchantId: payment.merchantId,
    feeScheduleId: payment.feeScheduleId,
    effectiveAt: effectiveMoment(chargeback.occurredAt, payment.capturedAt ?? payment.createdAt, new Date()),
  };
}
