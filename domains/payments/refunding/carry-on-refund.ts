import { type PublicId, toUuid } from '../../../core/ids';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { leaseOf } from '../accepting/lease';
import type { PaymentDeps } from '../deps';
import { PaymentFault } from '../rules/errors';
import type { CarriedOnRefund, RefundRound } from '../rules/payment-flow';
import { isRefundEnded } from '../rules/refund-states';
import { readPayment } from '../store/payments';
import { markPendingRefund, releaseRefund, takeRefund } from '../store/refund-leases';
import { type Refund, readRefund } from '../store/refunds';
import { tellEvents } from '../tell-events';
import { askForRefund, callForRefund, type RefundFinding } from './at-provider';
import { lockRefundCase, type RefundCase } from './book-refund';
import { fail, flag, type MovedRefund, recordStanding, succeed } from './move-refund';

/** A refund that waits is due again a while after its workflow should have looked at it: the sweep takes over then. */
const SWEEP_AFTER_MS = 60_000;

/** The sweep leaves a refund that the provider is working on alone for so long; its workflow asks more often at first. */
const PENDING_PAUSE_MS = 6 * 3_600_000;

/**
 * Takes a refund one step further: asks the provider first if a call may have been sent, calls it if nothing is there and
 * that may be done, and records what it says. Everything it goes by is in the database, so it may be run again at any time;
 * the lease lets one act of several that do so at once. One that has ended, or waits for a person, is left alone.
 *
 * @throws PaymentFault when what is stored contradicts itself
 */
export async function carryOnRefund(
  deps: PaymentDeps,
  refundId: PublicId,
  round: RefundRound,
): Promise<CarriedOnRefund> {
  const claim = round.claim ?? sharedClaim(refundId);
  const leaseMs = leaseOf(deps.config.WAYBILL_PAYMENT_PROVIDER_TIMEOUT);
  const refund = await takeRefund(deps.pool, refundId, { claim, leaseMs });
  if (refund === undefined) return untaken(await readRefund(deps.pool, refundId));
  const carriedOn = await carryOn(deps, refund, round, claim);
  if (carriedOn.outcome === 'waiting' && carriedOn.for === 'answer') {
    const dueInMs = (round.nextRoundMs ?? 0) + SWEEP_AFTER_MS;
    await releaseRefund(deps.pool, refundId, { claim, dueInMs });
  }
  return carriedOn;
}

async function carryOn(deps: PaymentDeps, refund: Refund, round: RefundRound, claim: string): Promise<CarriedOnRefund> {
  const payment = await readPayment(deps.pool, refund.paymentId);
  if (payment === undefined) throw new PaymentFault('there is no such payment');
  if (payment.source.type === 'wallet') {
    const done = await changed(deps, refund, (db, found) => succeed(db, found, undefined));
    return endOf(done, 'Back in the wallet, and posted.');
  }
  const { providerReference: chargeId } = payment;
  if (chargeId === undefined) throw new PaymentFault('the payment has no charge at the provider');
  const mayBeThere = refund.calls > refund.refusedCalls;
  const found = mayBeThere ? await askForRefund(deps, refund) : undefined;
  return settle(deps, refund, found ?? (await callForRefund(deps, refund, { chargeId, claim })), { ...round, claim });
}

/** The claim that rounds of runs share which began in earlier versions; written as the database writes it. */
function sharedClaim(refundId: PublicId): string {
  return toUuid(refundId).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function untaken(refund: Refund | undefined): CarriedOnRefund {
  if (refund === undefined) throw new PaymentFault('there is no such refund');
  if (isRefundEnded(refund)) return endOf(refund, 'It has ended already.');
  return { outcome: 'waiting', for: 'answer', story: 'Another process is at it.' };
}

/** Records what was found, or says what is waited for. */
async function settle(
  deps: PaymentDeps,
  refund: Refund,
  found: RefundFinding,
  { lastUnclear, lastPending, claim }: RefundRound & { claim: string },
): Promise<CarriedOnRefund> {
  switch (found.state) {
    case 'ended':
      return endOf((await readRefund(deps.pool, refund.id)) ?? refund, 'It has ended meanwhile.');
    case 'taken over':
      return untaken(await readRefund(deps.pool, refund.id));
    case 'refused':
      return endOrWait(await changed(deps, refund, (db, it) => refuse(db, it, found.code)), found.code);
    case 'unclear':
      if (!lastUnclear) return { outcome: 'waiting', for: 'answer', story: `Not clear yet: ${found.code}.` };
      return flaggedOrTaken(await changed(deps, refund, (db, it) => giveUp(db, it, { code: found.code, claim })));
    case 'pending': {
      const { id } = found.refund;
      await markPendingRefund(deps.pool, refund.id, { providerReference: id, pauseMs: PENDING_PAUSE_MS, claim });
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

/** Puts a refund that stays unclear before a person, unless another process has taken over meanwhile. */
async function giveUp(
  db: Queryable,
  found: RefundCase,
  { code, claim }: { code: string; claim: string },
): Promise<MovedRefund> {
  if (found.refund.claim !== claim) return { refund: found.refund, event: undefined };
  return flag(db, found, code);
}

function flaggedOrTaken(refund: Refund): CarriedOnRefund {
  return isRefundEnded(refund) ? endOf(refund, 'It stayed unclear.') : untaken(refund);
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
