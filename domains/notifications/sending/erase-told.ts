import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { inTransaction } from '../../../infra/postgres/pool';
import { notificationMetrics } from '../metrics';
import { notificationsOf, sendsInFlight } from '../store/erasing';
import { lockSend } from '../store/hand-over';
import { cancelPendingSends } from './cancel-pending';
import { decideAbout, recordDenial } from './hand-over';

const PAGE = 200;

/** What of an erased subscriber's sends is still on its way. */
export interface InFlightReport {
  /** Handed over before the erasure, and not ended. */
  inFlight: number;
  /** Milliseconds until the first of them is certain to have ended. */
  nextInMs: number;
}

/**
 * Ends what an erased subscriber was to be sent, and forgets what they were told. What was handed over before may end by
 * itself, and what its server answers is kept then: so this is to be called again until nothing is in flight, and takes it
 * away then. No new send begins. It may be stopped anywhere.
 *
 * @param beat - says that it is alive
 */
export async function eraseTold(platform: Platform, subscriberId: PublicId, beat: () => void): Promise<InFlightReport> {
  // Before the rest: once nothing is in flight nothing can be added to it.
  const report = await endInFlight(platform, subscriberId, beat);
  await cancelPendingSends(platform, subscriberId, beat);
  return report;
}

async function endInFlight(platform: Platform, subscriberId: PublicId, beat: () => void): Promise<InFlightReport> {
  const leases: number[] = [];
  let last: PublicId | undefined;
  for (;;) {
    const ids = await notificationsOf(platform.pool, subscriberId, last, PAGE);
    for (const { id, leaseMs } of await sendsInFlight(platform.pool, ids)) {
      if (leaseMs > 0 || !(await endOverdue(platform, id))) leases.push(leaseMs);
    }
    beat();
    last = ids.at(-1);
    if (ids.length < PAGE) break;
  }
  return { inFlight: leases.length, nextInMs: Math.min(...leases, Number.MAX_SAFE_INTEGER) };
}

/** Ends a send of which nobody has said in time what became. @returns false when somebody else has it */
function endOverdue({ pool, metrics }: Platform, id: PublicId): Promise<boolean> {
  return inTransaction(pool, async (db) => {
    const send = await lockSend(db, id, 'due');
    if (send === undefined) return false;
    const decision = await decideAbout(db, send);
    if (decision.decision !== 'deny') return false;
    await recordDenial(db, send, decision);
    metrics.of(notificationMetrics).sends.inc({ channel: send.channel, outcome: 'suppressed' });
    return true;
  });
}
