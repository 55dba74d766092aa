import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { isErased } from '../../preferences';
import { notificationMetrics } from '../metrics';
import { tellToLook } from '../start';
import { lockSend, makeSendDue, recordDecision } from '../store/hand-over';
import { pendingOf, withPending } from '../store/sends';
import { forgetTold } from './forget-told';
import { decideAbout, recordDenial } from './hand-over';

const PAGE = 100;

/** What became of a subscriber's pending sends. */
export interface CancelReport {
  /** Not allowed any more. */
  suppressed: number;
  /** Still put off, or put off now. */
  deferred: number;
  /** Still allowed, in their turn. */
  kept: number;
}

/** Is told of a send that is stopped, within the transaction that stops it: who counts them counts each once. */
export type Stopped = (db: Queryable) => Promise<void>;

/**
 * Decides anew about what a subscriber is to be sent, after a change of what they want: what is not allowed any more is
 * suppressed now, instead of in its turn, and what quiet hours put off and no longer do is due at once. It may be called
 * again, and about a change that others have followed: decisions go by what holds now. Of somebody who was erased, what they
 * were told is forgotten as well.
 *
 * @param beat - says that it is alive; called after every page
 * @param stopped - called for each send that is not allowed any more
 */
export async function cancelPendingSends(
  platform: Platform,
  subscriberId: PublicId,
  beat: () => void,
  stopped?: Stopped,
): Promise<CancelReport> {
  const report: CancelReport = { suppressed: 0, deferred: 0, kept: 0 };
  const wake = new Map<string, PublicId>();
  let last: PublicId | undefined;
  for (;;) {
    const ids = await pendingOf(platform.pool, subscriberId, last, PAGE);
    for (const id of ids) await reconsider(platform, id, report, wake, stopped);
    beat();
    last = ids.at(-1);
    if (ids.length < PAGE) break;
  }
  if (await isErased(platform.pool, subscriberId)) await forgetTold(platform, subscriberId, beat);
  for (const [workflowId, tenantId] of wake) {
    await tellToLook(platform, { workflowId, tenantIds: [tenantId], summary: 'Notifications' }).catch(
      (error: unknown) =>
        platform.log.warn({ err: error, workflowId }, 'notifications that are due again are left to the sweep'),
    );
  }
  return report;
}

/** Does the same for many subscribers, most of whom have nothing pending. */
export async function cancelSendsOf(
  platform: Platform,
  subscriberIds: readonly PublicId[],
  beat: () => void,
  stopped: Stopped,
): Promise<void> {
  if (subscriberIds.length === 0) return;
  for (const id of await withPending(platform.pool, subscriberIds)) {
    await cancelPendingSends(platform, id, beat, stopped);
  }
}

async function reconsider(
  platform: Platform,
  id: PublicId,
  report: CancelReport,
  wake: Map<string, PublicId>,
  stopped?: Stopped,
): Promise<void> {
  const metrics = platform.metrics.of(notificationMetrics);
  await inTransaction(platform.pool, async (db) => {
    const send = await lockSend(db, id, 'pending');
    if (send === undefined) return;
    const decision = await decideAbout(db, send);
    if (decision.decision === 'deny') {
      await recordDenial(db, send, decision);
      await stopped?.(db);
      metrics.sends.inc({ channel: send.channel, outcome: 'suppressed' });
      // Its workflow would wait for quiet hours to end, with nothing left to do then.
      if (send.deferred) wake.set(send.workflowId, send.tenantId);
      report.suppressed++;
    } else if (decision.decision === 'defer') {
      const at = new Date(decision.until ?? Date.now());
      await recordDecision(db, send, decision, { state: 'pending', at, deferred: true });
      // Its workflow may sleep for longer than the new quiet hours last.
      wake.set(send.workflowId, send.tenantId);
      report.deferred++;
    } else {
      if (send.deferred) {
        await makeSendDue(db, id);
        wake.set(send.workflowId, send.tenantId);
      }
      report.kept++;
    }
  });
}
