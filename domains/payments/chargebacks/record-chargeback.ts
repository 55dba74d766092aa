import type { PublicId } from '../../../core/ids';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { type Fee, findFeeSchedule, taxOn } from '../../merchants';
import { type StoredEvent, storeEvent } from '../../webhooks';
import type { PaymentDeps } from '../deps';
import { chargebackEvent } from '../events';
import { CHARGEBACK_MOVES, type ChargebackMove, type ChargebackState } from '../rules/chargeback-states';
import { PaymentFault } from '../rules/errors';
import type { ChargebackStanding } from '../rules/payment-flow';
import { capturedOf } from '../rules/refundable';
import {
  type Chargeback,
  type ChargebackChange,
  lockChargeback,
  moveChargeback,
  sumChargebacks,
} from '../store/chargebacks';
import { lockPayment, type Payment } from '../store/payments';
import { sumRefunds } from '../store/refunds';
import { tellEvents } from '../tell-events';
import { bookChargeback, NOTHING_BOOKED } from './book-chargeback';

/** What a chargeback is, with its payment; both locked. */
interface Case {
  chargeback: Chargeback;
  payment: Payment;
}

/** States in which there is nothing to record. */
const SETTLED: ReadonlySet<ChargebackState> = new Set(['needs_review', 'reversed', 'partly_won', 'lost', 'dismissed']);

/**
 * Posts a chargeback, and reverses what was won of it: each once, with its event, in one transaction. One that comes, with
 * others and with refunds, to more than its payment is put before a person instead.
 *
 * @throws PaymentFault when there is no such chargeback, or no fee schedule says what it costs the merchant
 */
export async function recordChargeback(deps: PaymentDeps, chargebackId: PublicId): Promise<ChargebackStanding> {
  const events: StoredEvent[] = [];
  const standing = await inTransaction(deps.pool, async (db): Promise<ChargebackStanding> => {
    const chargeback = await lockChargeback(db, chargebackId);
    const payment = chargeback && (await lockPayment(db, chargeback.paymentId));
    if (chargeback === undefined || payment === undefined) throw new PaymentFault('there is no such chargeback');
    const found: Case = { chargeback, payment };
    if (SETTLED.has(chargeback.state)) return chargeback.state as ChargebackStanding;
    if (payment.state !== 'captured') return 'waiting';

    if (chargeback.state === 'received') {
      const obstacle = await obstacleTo(db, found);
      if (obstacle === 'waiting') return 'waiting';
      if (obstacle !== undefined) {
        await moved(db, found, 'flag', events, { reviewCode: obstacle });
        deps.log.error({ chargebackId, code: obstacle }, 'a chargeback needs review');
        return 'needs_review';
      }
      await post(db, found, events);
      if (found.chargeback.lostAt !== undefined) await moved(db, found, 'lose', events);
      else if (found.chargeback.wonAt !== undefined) await moved(db, found, 'win', events);
    }
    if (found.chargeback.state === 'won') await reverse(db, found, events);
    return found.chargeback.state as ChargebackStanding;
  });
  await tellEvents(deps, events);
  return standing;
}

/** Why a chargeback cannot be posted as it is; `waiting` while a refund may be on its way. */
async function obstacleTo(db: Queryable, { chargeback, payment }: Case): Promise<string | undefined> {
  const { amount, currency, booked } = chargeback;
  if (booked.amount > 0n) return undefined;
  if (currency !== payment.currency) return 'another_currency';
  const left = capturedOf(payment) - payment.refundedAmount - (await sumChargebacks(db, payment)).booked;
  if (amount > left) return 'exceeds_payment';
  return amount > left - (await sumRefunds(db, payment.id)).sent ? 'waiting' : undefined;
}

/** Moves the chargeback of a case, and stores the event that tells of it. */
async function moved(
  db: Queryable,
  found: Case,
  move: ChargebackMove,
  events: StoredEvent[],
  change: ChargebackChange = {},
): Promise<void> {
  const after = await moveChargeback(db, found.chargeback.id, move, change);
  if (after === undefined) throw new Error('a locked chargeback has moved');
  found.chargeback = after;
  const rule = CHARGEBACK_MOVES[move];
  const stored = 'tells' in rule ? await storeEvent(db, chargebackEvent(rule.tells, after)) : undefined;
  if (stored !== undefined) events.push(stored);
}

async function post(db: Queryable, found: Case, events: StoredEvent[]): Promise<void> {
  const { chargeback, payment } = found;
  const fee = chargeback.fee ?? (await disputeFee(db, payment));
  if (chargeback.booked.amount === 0n) {
    found.chargeback = await bookChargeback(db, found, { amount: chargeback.amount, fee }, chargeback.occurredAt);
  }
  await moved(db, found, 'post', events, { fee });
}

async function reverse(db: Queryable, found: Case, events: StoredEvent[]): Promise<void> {
  const { booked, wonAmount, wonAt } = found.chargeback;
  if (booked.amount === 0n) throw new PaymentFault('a chargeback was won that was never posted');
  const all = wonAmount === undefined || wonAmount >= booked.amount;
  const target = all ? NOTHING_BOOKED : { ...booked, amount: booked.amount - wonAmount };
  found.chargeback = await bookChargeback(db, found, target, wonAt ?? new Date());
  await moved(db, found, all ? 'reverse' : 'reversePart', events);
}

/** What a chargeback costs the merchant. @throws PaymentFault when no fee schedule says so */
export async function disputeFee(db: Queryable, payment: Payment): Promise<Fee> {
  const { tenantId, feeScheduleId = '' } = payment;
  const schedule = await findFeeSchedule(db, tenantId, feeScheduleId);
  if (schedule === undefined) throw new PaymentFault('the payment has no fee schedule');
  const { disputeFee: fee, taxBps } = schedule.terms;
  return { fee, tax: taxOn(fee, taxBps) };
}
