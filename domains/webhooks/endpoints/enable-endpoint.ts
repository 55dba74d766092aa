import type { Pool } from 'pg';
import type { PublicId } from '../../../core/ids';
import type { Logger } from '../../../infra/log';
import { type StartDeps, startSweepFor } from '../start';
import { releaseHeld } from '../store/delivery-commands';
import type { Endpoint } from '../store/endpoints';
import { moveEndpoint } from './move-endpoint';

const RELEASE_BATCH = 1_000;

interface Deps extends StartDeps {
  pool: Pool;
  log: Logger;
}

/**
 * Enables an endpoint and releases the deliveries that were held while it was paused.
 *
 * @throws WebhookRefusal when there is no such endpoint
 */
export async function enableEndpoint(deps: Deps, tenantId: PublicId, id: PublicId): Promise<Endpoint> {
  const endpoint = await moveEndpoint(deps.pool, tenantId, id, { state: 'enabled' });
  // Even if it was enabled already: an earlier release may have failed.
  await letHeldGoOn(deps, id);
  return endpoint;
}

/** Makes the held deliveries of an endpoint due, and has a sweep give them to workflows. */
export async function letHeldGoOn(deps: Deps, endpointId: PublicId): Promise<void> {
  const { pool, log } = deps;
  let released = 0;
  for (let batch = RELEASE_BATCH; batch === RELEASE_BATCH; released += batch) {
    batch = await releaseHeld(pool, endpointId, RELEASE_BATCH);
  }
  if (released === 0) return;
  log.info({ endpointId, released }, 'held deliveries go on');
  await startSweepFor(deps, endpointId).catch((error) =>
    log.warn({ err: error }, 'could not start a sweep; the next scheduled one will find them'),
  );
}
