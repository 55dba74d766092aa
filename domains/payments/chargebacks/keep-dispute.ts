import { isId, newId } from '../../../core/ids';
import type { Logger } from '../../../infra/log';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { type StoredEvent, storeEvent } from '../../webhooks';
import type { PaymentDeps } from '../deps';
import { chargebackEvent } from '../events';
import type { DisputeCallback } from '../provider/wire';
import { PaymentRefusal } from '../refusals';
import { CHARGEBACK_MOVES, CHARGEBACK_UNDER_WAY } from '../rules/chargeback-states';
import { type DisputeContest, type DisputeEvent, meaningOf, saysOfDispute } from '../rules/dispute-events';
import { chargebackWorkflowId } from '../rules/workflow-names';
import { type Chargeback, insertChargeback, lockDispute, moveChargeback, setDecision } from '../store/chargebacks';
import { type Payment, readPayment } from '../store/payments';
import { tellEvents } from '../tell-events';
import { leaveToWorkflow } from './leave-to-workflow';

/**
 * Keeps what the provider reports about a dispute, and has the workflow post it. A repeated report changes nothing; one
 * that does not fit what is known puts the chargeback before a person. The caller has to make sure that it comes from the
 * provider.
 *
 * @throws PaymentRefusal when we have made no such charge
 */
export async function keepDispute(deps: PaymentDeps, callback: DisputeCallback, log: Logger): Promise<void> {
  const { id: providerReference, charge_reference: reference } = callback.data;
  const payment = isId('pay', reference) ? await readPayment(deps.pool, reference) : undefined;
  if (payment === undefined || payment.source.type !== 'card') {
    throw new PaymentRefusal('no-such-charge', 'There is no such charge.');
  }
  const kept = await inTransaction(deps.pool, async (db) => {
    const all = await lockDispute(db, providerReference);
    const known = all.find(({ paymentId }) => paymentId === payment.id);
    if (known !== undefined) return told(db, known, eventOf(callback));
    const made = await keepNew(db, payment, callback);
    // The provider said before that the dispute is about another charge: which of them is right, people have to find out.
    return all.length === 0 ? made : contest(db, made.chargeback, eventOf(callback), 'another_charge');
  });
  const { chargeback, code } = kept;
  if (code !== undefined)
    log.error({ chargebackId: chargeback.id, code, providerReference }, 'a chargeback needs review');
  await tellEvents(deps, [kept.event]);
  if (CHARGEBACK_UNDER_WAY.some((state) => state === chargeback.state)) await leaveToWorkflow(deps, chargeback, log);
}

interface Kept {
  chargeback: Chargeback;
  event?: StoredEvent | undefined;
  /** Why a person has to look. */
  code?: DisputeContest;
}

function eventOf({ type, data }: DisputeCallback): DisputeEvent {
  return { type, amount: data.amount, currency: data.currency, at: data.occurred_at };
}

async function keepNew(db: Queryable, payment: Payment, callback: DisputeCallback): Promise<Kept> {
  const { id: providerReference, amount, currency, reason, occurred_at: occurredAt } = callback.data;
  const id = newId('cbk');
  const chargeback = await insertChargeback(db, {
    id,
    tenantId: payment.tenantId,
    paymentId: payment.id,
    providerReference,
    amount,
    currency,
    reason,
    occurredAt,
    workflowId: chargebackWorkflowId(id),
  });
  if (callback.type !== 'chargeback.opened') {
    await setDecision(db, id, decisionOf(callback.type === 'chargeback.won', occurredAt, amount));
  }
  return { chargeback };
}

/** Takes a report about a chargeback that is known. */
async function told(db: Queryable, known: Chargeback, event: DisputeEvent): Promise<Kept> {
  const meaning = meaningOf(known, event);
  if (meaning.does === 'nothing') return { chargeback: known };
  if (meaning.does === 'contest') return contest(db, known, event, meaning.code);
  await setDecision(db, known.id, decisionOf(meaning.won, event.at, event.amount));
  const move = meaning.won ? 'win' : 'lose';
  const moved = await moveChargeback(db, known.id, move);
  // One that is not posted yet is posted first, and one that waits for a person goes on waiting.
  if (moved === undefined) return { chargeback: known };
  return meaning.won
    ? { chargeback: moved }
    : { chargeback: moved, event: await storeEvent(db, chargebackEvent(CHARGEBACK_MOVES.lose.tells, moved)) };
}

function decisionOf(won: boolean, at: Date, amount: bigint) {
  return won
    ? { wonAt: at, wonAmount: amount, lostAt: undefined }
    : { wonAt: undefined, wonAmount: undefined, lostAt: at };
}

async function contest(db: Queryable, known: Chargeback, event: DisputeEvent, code: DisputeContest): Promise<Kept> {
  const contested = await moveChargeback(db, known.id, 'contest', { reviewCode: code, says: saysOfDispute(event) });
  // It waits for a person already.
  if (contested === undefined) return { chargeback: known, code };
  const stored = await storeEvent(db, chargebackEvent(CHARGEBACK_MOVES.contest.tells, contested));
  return { chargeback: contested, event: stored, code };
}
