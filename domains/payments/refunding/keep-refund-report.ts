import { isId } from '../../../core/ids';
import type { Logger } from '../../../infra/log';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import type { PaymentDeps } from '../deps';
import type { RefundCallback } from '../provider/wire';
import { PaymentRefusal } from '../refusals';
import { isAsAsked, type ReportedRefund, saidBefore, saysOfRefund } from '../rules/reported-refund';
import { wakeRefund } from '../start';
import { readPayment } from '../store/payments';
import { type Refund, readRefund } from '../store/refunds';
import { tellEvents } from '../tell-events';
import { lockRefundCase, type RefundCase } from './book-refund';
import { fail, flag, type MovedRefund, recordStanding } from './move-refund';

/**
 * Records what the provider reports about a refund after its answer: that it was made, or that it failed, also long after it
 * had succeeded. A repeated report changes nothing, nor does one that is older than what is known; one that does not fit
 * puts the refund before a person. The caller has to make sure that it comes from the provider.
 *
 * @throws PaymentRefusal when we have asked for no such refund
 */
export async function keepRefundReport(deps: PaymentDeps, callback: RefundCallback, log: Logger): Promise<void> {
  const reported = reportedBy(callback);
  const refund = isId('ref', reported.reference) ? await readRefund(deps.pool, reported.reference) : undefined;
  const payment = refund && (await readPayment(deps.pool, refund.paymentId));
  if (refund === undefined || payment?.source.type !== 'card') {
    throw new PaymentRefusal('no-such-refund', 'There is no such refund.');
  }
  const moved = await inTransaction(deps.pool, async (db) => record(db, await lockRefundCase(db, refund), reported));
  if (moved.event === undefined) {
    log.info({ refundId: refund.id, reported: saysOfRefund(reported) }, 'a report about a refund changes nothing');
    return;
  }
  if (moved.refund.state === 'needs_review') {
    const { failureCode: code } = moved.refund;
    log.error({ refundId: refund.id, code, reported: saysOfRefund(reported) }, 'a refund needs review');
  }
  await tellEvents(deps, [moved.event]);
  await wakeRefund(deps, refund).catch((error: unknown) =>
    log.info({ err: error, refundId: refund.id }, 'the workflow of a refund is not woken: it looks by itself'),
  );
}

function reportedBy({ type, data }: RefundCallback): ReportedRefund {
  return {
    id: data.id,
    reference: data.reference,
    state: type === 'refund.succeeded' ? 'succeeded' : 'failed',
    amount: data.amount,
    currency: data.currency,
    code: data.failure_code ?? undefined,
    at: data.occurred_at,
  };
}

async function record(db: Queryable, found: RefundCase, reported: ReportedRefund): Promise<MovedRefund> {
  const { refund } = found;
  const { state } = refund;
  const contested = (code: string) => flag(db, found, code, [saysOfRefund(reported)], reported.at);
  if (isKnown(refund, reported)) return { refund, event: undefined };
  const another = refund.providerReference !== undefined && refund.providerReference !== reported.id;
  if (reported.state === 'failed') {
    // Of two, one failed: the other one stands.
    if (another || state === 'failed') return { refund, event: undefined };
    if (!isAsAsked(reported, refund)) return contested('amount_mismatch');
    if (state === 'written_off') return contested('failed_after_all');
    const change = {
      failureCode: reported.code ?? 'refund_failed',
      providerReference: reported.id,
      toldAt: reported.at,
    };
    return fail(db, found, state === 'succeeded' ? 'takeBack' : 'fail', change);
  }
  if (another) return contested('refunded_twice');
  if (!isAsAsked(reported, refund)) return contested('amount_mismatch');
  if (state === 'succeeded') return { refund, event: undefined };
  if (state === 'failed' || state === 'written_off') return contested('refunded_after_all');
  return recordStanding(db, found, { state: 'refunded', refund: reported });
}

/** Whether it was reported before, or something later was. */
function isKnown({ providerToldAt, providerReference, providerSays }: Refund, reported: ReportedRefund): boolean {
  if (providerToldAt === undefined) return false;
  const later = providerReference === reported.id && reported.at < providerToldAt;
  return later || (reported.at <= providerToldAt && saidBefore(providerSays, [saysOfRefund(reported)]));
}
