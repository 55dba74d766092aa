import type { PublicId } from '../../core/ids';
import { inTransaction, type Queryable } from '../../infra/postgres/pool';
import { chargebackPosting, chargebackReversalPosting, postTransaction } from '../ledger';
import { findFeeSchedule, taxOn } from '../merchants';
import { type StoredEvent, storeEvent } from '../webhooks';
import { type PaymentDeps, PaymentFault, tell } from './deps';
import { chargebackEvent } from './events';
import { effectiveMoment } from './rules/payment-times';
import { type Chargeback, lockChargeback, moveChargeback } from './store/chargebacks';
import { lockPayment, type Payment } from './store/payments';

/** Where a chargeback stands; `waiting` for its payment's capture to be kept. */
export type ChargebackStanding = 'waiting' | 'posted' | 'reversed' | 'needs_review';

/** Posts a chargeback, and takes it back if it was won: each once, with its event, in one transaction. */
export async function recordChargeback(deps: PaymentDeps, chargebackId: PublicId): Promise<ChargebackStanding> {
  const events: (StoredEvent | undefined)[] = [];
  const standing = await inTransaction(deps.pool, async (db): Promise<ChargebackStanding> => {
    const chargeback = await lockChargeback(db, chargebackId);
    const payment = chargeback === undefined ? undefined : await lockPayment(db, chargeback.paymentId);
    if (chargeback === undefined || payment === undefined) throw new PaymentFault('there is no such chargeback');
    if (chargeback.state === 'needs_review' || chargeback.state === 'reversed') return chargeback.state;
    if (payment.state !== 'captured') return 'waiting';
    if (chargeback.amount > payment.amount || chargeback.currency !== payment.currency) {
      const flagged = await moveChargeback(db, chargebackId, ['received'], 'needs_review');
      if (flagged !== undefined) events.push(await storeEvent(db, chargebackEvent('chargeback.needs_review', flagged)));
      return 'needs_review';
    }
    const current = chargeback.state === 'received' ? await post(db, chargeback, payment, events) : chargeback;
    return current.state === 'won' ? reverse(db, current, payment, events) : 'posted';
  });
  await tell(deps, events);
  return standing;
}

/** Hands a chargeback to people. */
export async function flagChargeback(deps: PaymentDeps, chargebackId: PublicId): Promise<void> {
  const event = await inTransaction(deps.pool, async (db) => {
    const flagged = await moveChargeback(db, chargebackId, ['received', 'won'], 'needs_review');
    return flagged === undefined ? undefined : storeEvent(db, chargebackEvent('chargeback.needs_review', flagged));
  });
  deps.log.error({ chargebackId }, 'a chargeback needs review');
  await tell(deps, [event]);
}

async function post(
  db: Queryable,
  chargeback: Chargeback,
  payment: Payment,
  events: (StoredEvent | undefined)[],
): Promise<Chargeback> {
  const { tenantId, feeScheduleId = '' } = payment;
  const schedule = await findFeeSchedule(db, tenantId, feeScheduleId);
  if (schedule === undefined) throw new PaymentFault('the payment has no fee schedule');
  const { disputeFee, taxBps } = schedule.terms;
  const fee = { fee: disputeFee, tax: taxOn(disputeFee, taxBps) };
  const to = chargeback.wonAt === undefined ? 'posted' : 'won';
  const posted = await moveChargeback(db, chargeback.id, ['received'], to, fee);
  if (posted === undefined) throw new Error('a locked chargeback has moved');
  await postTransaction(db, posting(posted, payment, fee));
  events.push(await storeEvent(db, chargebackEvent('chargeback.opened', posted)));
  return posted;
}

async function reverse(
  db: Queryable,
  chargeback: Chargeback,
  payment: Payment,
  events: (StoredEvent | undefined)[],
): Promise<'reversed'> {
  const { fee, wonAt, amount } = chargeback;
  const reversed = await moveChargeback(db, chargeback.id, ['won'], 'reversed');
  if (fee === undefined || reversed === undefined) throw new PaymentFault('a chargeback was won that was never posted');
  const original = posting(chargeback, payment, fee);
  const { id } = await postTransaction(db, original);
  await postTransaction(db, {
    ...original,
    kind: 'chargeback_reversal',
    posting: chargebackReversalPosting(payment.merchantId, amount, fee),
    reversesId: id,
    effectiveAt: effectiveMoment(wonAt, chargeback.createdAt, new Date()),
  });
  events.push(await storeEvent(db, chargebackEvent('chargeback.won', reversed)));
  return 'reversed';
}

function posting(chargeback: Chargeback, payment: Payment, fee: { fee: bigint; tax: bigint }) {
  return {
    tenantId: payment.tenantId,
    kind: 'chargeback' as const,
    externalRef: chargeback.id,
    currency: payment.currency,
    posting: chargebackPosting(payment.merchantId, chargeback.amount, fee),
    merchantId: payment.merchantId,
    feeScheduleId: payment.feeScheduleId,
    effectiveAt: effectiveMoment(chargeback.occurredAt, payment.capturedAt ?? payment.createdAt, new Date()),
  };
}
