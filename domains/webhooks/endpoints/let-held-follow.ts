import type { Platform } from '../../../infra/platform/platform';
import { openBacklogs } from '../backlog/open-backlogs';
import type { Backlog } from '../store/backlog';
import { hasHeldOrBacklog, type Settled, settleHeld } from '../store/held';
import { holdBacklog } from '../store/held-flow';

const BATCH = 1_000;

/**
 * Has what is held for an endpoint, and what waits in its backlog, follow its state, in small statements: released into
 * its backlog when it is enabled; held when it is disabled; cancelled when it is deleted. Whoever changes an endpoint's
 * state calls this after the commit; the sweep finds what is left, such as a delivery of a message stored at the same time.
 */
export async function letHeldFollow(platform: Platform, backlog: Backlog): Promise<Settled> {
  const { pool, log } = platform;
  const total: Settled = { released: 0, cancelled: 0 };
  if (!(await hasHeldOrBacklog(pool, backlog.endpointId))) return total;
  for (let done = BATCH; done > 0; ) {
    const settled = await settleHeld(pool, backlog.endpointId, BATCH);
    total.released += settled.released;
    total.cancelled += settled.cancelled;
    done = settled.released + settled.cancelled;
  }
  while ((await holdBacklog(pool, backlog.endpointId, BATCH)) === BATCH);
  if (total.released > 0) openBacklogs(platform).moved(backlog);
  if (total.released + total.cancelled > 0) {
    log.info({ endpointId: backlog.endpointId, ...total }, 'held deliveries follow their endpoint');
  }
  return total;
}
