import type { Pool } from 'pg';
import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { openBacklogs } from '../backlog/open-backlogs';
import { letHeldFollow } from '../endpoints/let-held-follow';
import { type Backlog, hasBacklog } from '../store/backlog';
import { type Circuit, closeCircuit, readCircuit } from '../store/circuits';
import { type Released, releaseHeld } from '../store/held-flow';
import { reviveRecoverable } from '../store/recoveries';
import { closeRecovered } from './conclude-probe';
import { reportOn } from './probe-circuit';
import type { RecoveryReport } from './recovery-report';

export interface DrainOptions {
  endpointId: PublicId;
  /** Says that it is alive; called several times a second. */
  beat(): void;
  /** Rejects when the activity is cancelled. */
  sleep(ms: number): Promise<void>;
}

/** A large backlog does not keep an activity slot. */
const BUDGET_MS = 5_000;
const SLICE_MS = 250;
/** A backlog whose workflow was told a moment ago is not told again, and may have ended since: the last are waited for. */
const TOLD_AGAIN_MS = 2_500;
const SLICES_PER_SECOND = 1_000 / SLICE_MS;

/**
 * Lets go of what is held for an endpoint that works again, oldest first, then of the dead letters that recover with it:
 * so many a second, and none while the endpoint has as many waiting as it gets in two. Closes the circuit when nothing is
 * left.
 *
 * @returns where the circuit stands; null when there is no such endpoint
 */
export async function drainCircuit(
  platform: Platform,
  { endpointId, beat, sleep }: DrainOptions,
): Promise<RecoveryReport | null> {
  const { pool } = platform;
  const began = Date.now();
  /** Deliveries that may be let go by now; a rate may be less than one a slice. */
  let allowance = 1;
  let releasedAt = began;
  while (Date.now() - began < BUDGET_MS) {
    beat();
    const circuit = await readCircuit(pool, endpointId);
    if (circuit === undefined || circuit.state !== 'draining') break;
    const backlog = { endpointId, tenantId: circuit.tenantId };
    if (circuit.endpointState !== 'enabled') {
      await closeCircuit(pool, endpointId, ['draining']);
      await letHeldFollow(platform, backlog);
      break;
    }
    allowance = Math.min(circuit.drainRate, allowance + circuit.drainRate / SLICES_PER_SECOND);
    const limit = Math.floor(allowance);
    if (limit > 0) {
      const { count, waiting } = await letGo(pool, circuit, limit);
      allowance -= count;
      if (count > 0) {
        releasedAt = Date.now();
        openBacklogs(platform).tell(backlog);
      } else if (!waiting && (await isDone(platform, backlog, releasedAt))) {
        await closeRecovered(platform, endpointId);
        // Those that a publish stored while it saw the circuit open.
        await letHeldFollow(platform, backlog);
        break;
      }
    }
    await sleep(SLICE_MS);
  }
  return reportOn(platform, endpointId);
}

/** Lets go of what is held, or else of the dead letters that recover. */
async function letGo(pool: Pool, { endpointId, drainRate }: Circuit, limit: number): Promise<Released> {
  const bounds = { limit, mostWaiting: Math.max(limit, Math.ceil(2 * drainRate)) };
  const held = await releaseHeld(pool, endpointId, bounds);
  return held.count > 0 || held.waiting ? held : reviveRecoverable(pool, endpointId, bounds);
}

/** Whether the endpoint has taken what was let go, or its backlog's workflow is sure to know of the rest. */
async function isDone(platform: Platform, backlog: Backlog, releasedAt: number): Promise<boolean> {
  if (!(await hasBacklog(platform.pool, backlog.endpointId))) return true;
  openBacklogs(platform).tell(backlog);
  return Date.now() - releasedAt >= TOLD_AGAIN_MS;
}
