import type { PublicId } from '../../../core/ids';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import type { PaymentDeps } from '../deps';
import { PaymentFault } from '../rules/errors';
import type { CarriedOnRefund, RefundRound } from '../rules/payment-flow';
import { isRefundEnded } from '../rules/refund-states';
import { readPayment } from '../store/payments';
import { markPendingRefund, type Refund, readRefund } from '../store/refunds';
import { tellEvents } from '../tell-events';
import { askForRefund, callForRefund, type RefundFinding } from './at-provider';
import { lockRefundCase, type RefundCase } from './book-refund';
import { fail, flag, type MovedRefund, recordStanding, succeed } from './move-refund';

/** The sweep leaves a refund that the provider is working on alone for so long; its workflow asks more often at first. */
const PENDING_PAUSE_MS = 6 * 3_600_000;

/**
 * Takes a refund one step further: asks the provider first if a call may have been sent, calls it if nothing is there and
 * that may be done, and records what it says. Everything it goes by is in the database, so it may be run again at any time
 * and by several at once; one that has ended, or waits for a person, is left alone.
 *
 * @throws PaymentFault when what is stored contradicts itself
 */
export async function carryOnRefund(
  deps: PaymentDeps,
  refundId: PublicId,
  round: RefundRound,
): Promise<CarriedOnRefund> {
  const refund = await readRefund(deps.pool, refundId);
  const payment = refund && (await readPayment(deps.pool, refund.paymentId));
  if (refund === undefined || payment === undefined) throw new PaymentFault('there is no such refund');
  if (isRefundEnded(refund)) return endOf(refund, 'It has ended already.');
  if (payment.source.type === 'wallet') {
    const done = await changed(deps, refund, (db, found) => succeed(db, found, undefined));
    return endOf(done, 'Back in the wallet, and posted.');
  }
  const { providerReference: chargeId } = payment;
  if (chargeId === undefined) throw new PaymentFault('the payment has no charge at the provider');
  const mayBeThere = refund.calls > refund.refusedCalls;
  const found = mayBeThere ? await askForRefund(deps, refund) : undefined;
  return settle(deps, refund, found ?? (await callForRefund(deps, refund, chargeId)), round);
}

/** Records what was found, or says what is waited for. */
async function settle(
  deps: PaymentDeps,
  refund: Refund,
  found: RefundFinding,
  { lastUnclear, lastPending }: RefundRound,
): Promise<CarriedOnRefund> {
  switch (found.state) {
    case 'ended':
      return endOf((await readRefund(deps.pool, refund.id)) ?? refund, 'It has ended meanwhile.');
    case 'refused':
      return endOrWait(await changed(deps, refund, (db, it) => refuse(db, it, found.code)), found.code);
    case 'unclear':
      if (!lastUnclear) return { outcome: 'waiting', for: 'answer', story: `Not clear yet: ${found.code}.` };
      return endOf(await changed(deps, refund, (db, it) => flag(db, it, found.code)), 'It stayed unclear.');
    case 'pending': {
      const { id } = found.refund;
      await markPendingRefund(deps.pool, refund.id, id, PENDING_PAUSE_MS);
      if (!lastPending)
        return { outcome: 'waiting', for: 'provider', story: `The provider has taken it on as \`${id}\`.` };
      return endOf(
        await changed(deps, refund, (db, it) => flag(db, it, 'still_pending')),
        'The provider takes too long.',
      );
    }
    case 'refunded':
    case 'failed':
    case 'differs':
      return endOf(
        await changed(deps, refund, (db, it) => recordStanding(db, it, found)),
        `At the provider: ${found.state}.`,
      );
  }
}

/** Fails a refund if it is still certain that none of its calls moved money: another one may have been sent meanwhile. */
async function refuse(db: Queryable, found: RefundCase, code: string): Promise<MovedRefund> {
  if (found.refund.calls > found.refund.refusedCalls) return { refund: found.refund, event: undefined };
  return fail(db, found, 'fail', { failureCode: code });
}

function endOrWait(refund: Refund, code: string): CarriedOnRefund {
  return isRefundEnded(refund)
    ? endOf(refund, `Refused: ${code}.`)
    : { outcome: 'waiting', for: 'answer', story: `Refused, but another call may be on its way: ${code}.` };
}

async function changed(
  { pool, log, ...deps }: PaymentDeps,
  refund: Refund,
  change: (db: Queryable, found: RefundCase) => Promise<MovedRefund>,
): Promise<Refund> {
  const moved = await inTransaction(pool, async (db) => change(db, await lockRefundCase(db, refund)));
  if (moved.event !== undefined && moved.refund.state === 'needs_review') {
    log.error({ refundId: refund.id, code: moved.refund.failureCode }, 'a refund needs review');
  }
  await tellEvents({ pool, log, ...deps }, [moved.event]);
  return moved.refund;
}

function endOf({ state, failureCode }: Refund, story: string): CarriedOnRefund {
  return { outcome: 'ended', state, ...(failureCode === undefined ? {} : { code: failureCode }), story };
}
