import type { Platform } from '../../../infra/platform/platform';
import { openBacklogs } from '../backlog/open-backlogs';
import { webhookMetrics } from '../metrics';
import type { Backlog } from '../store/backlog';
import { hasHeldOrBacklog, type Settled, settleHeld } from '../store/held';

const BATCH = 1_000;

/**
 * Has what is held for an endpoint follow its state, in small statements: released into its backlog when it is enabled;
 * with what waits in the backlog already, dead letters when it is disabled, cancelled when it is deleted. Whoever changes an endpoint's state calls
 * this after the commit; the sweep finds what is left, such as a delivery of a message stored at the same time.
 */
export async function letHeldFollow(platform: Platform, backlog: Backlog): Promise<Settled> {
  const { pool, log, metrics } = platform;
  const total: Settled = { released: 0, cancelled: 0, buried: 0 };
  if (!(await hasHeldOrBacklog(pool, backlog.endpointId))) return total;
  for (let done = BATCH; done > 0; ) {
    const settled = await settleHeld(pool, backlog.endpointId, BATCH);
    total.released += settled.released;
    total.cancelled += settled.cancelled;
    total.buried += settled.buried;
    done = settled.released + settled.cancelled + settled.buried;
  }
  if (total.buried > 0) metrics.of(webhookMetrics).deadLetters.inc({ reason: 'endpoint-disabled' }, total.buried);
  if (total.released > 0) openBacklogs(platform).moved(backlog);
  if (total.released + total.cancelled + total.buried > 0) {
    log.info({ endpointId: backlog.endpointId, ...total }, 'held deliveries follow their endpoint');
  }
  return total;
}
