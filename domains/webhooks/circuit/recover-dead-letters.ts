import type { Platform } from '../../../infra/platform/platform';
import { webhooksConfig } from '../config';
import type { AttemptEnd } from '../delivery/leased-delivery';
import { openDispatch } from '../delivery/open-dispatch';
import { FIRST_ATTENDED_MS } from '../store/circuits';
import {
  beginRecovery,
  buryAgain,
  claimTry,
  findRecoverable,
  type HeldLetter,
  holdRecoverable,
  type Recoverable,
} from '../store/recoveries';
import { attemptProbe } from './attempt-probe';
import { openCircuits } from './open-circuits';

/** At first, so many tries in the time of the rarest probes: by default one each time that the sweep comes. */
const PER_PROBE = 3;

/** More endpoints than this have to wait for the next look. */
const MOST_AT_ONCE = 500;

/**
 * Has dead letters delivered that nobody has to look at, of endpoints whose circuit never opened: those of an endpoint that
 * has taken something since it failed are let go; of one that nobody knows anything of, one is tried, ever more rarely.
 *
 * @returns how many endpoints have begun to recover, or were tried
 */
export async function recoverDeadLetters(platform: Platform, beat: () => void): Promise<number> {
  beat();
  const found = await findRecoverable(platform.pool, MOST_AT_ONCE);
  await Promise.all(found.map((endpoint) => (endpoint.works ? letGo(platform, endpoint) : tryOne(platform, endpoint))));
  return found.length;
}

async function letGo(platform: Platform, { endpointId, tenantId }: Recoverable): Promise<void> {
  if (!(await beginRecovery(platform.pool, endpointId, FIRST_ATTENDED_MS))) return;
  platform.log.info({ endpointId }, 'endpoint works: its dead letters are delivered');
  openCircuits(platform).attend({ endpointId, tenantId });
}

async function tryOne(platform: Platform, endpoint: Recoverable): Promise<void> {
  const { pool, settings } = platform;
  const { endpointId } = endpoint;
  if (!(await claimTry(pool, endpoint, settings.of(webhooksConfig).WAYBILL_CIRCUIT_LONGEST_PROBE / PER_PROBE))) return;
  const letter = await holdRecoverable(pool, endpointId);
  if (letter === undefined) return;
  const delivery = await openDispatch(platform).engine.leaseHeld(endpointId, undefined);
  if (delivery === undefined) await conclude(platform, { endpoint, letter, end: { state: 'declined' } });
  else await attemptProbe(platform, delivery, (end) => conclude(platform, { endpoint, letter, end }));
}

/** If this is never reached the delivery stays held, though nothing holds it, and the sweep lets go of it. */
async function conclude(
  platform: Platform,
  { endpoint, letter, end }: { endpoint: Recoverable; letter: HeldLetter; end: AttemptEnd },
): Promise<void> {
  if (end.state === 'delivered') await letGo(platform, endpoint);
  await buryAgain(platform.pool, letter);
}
