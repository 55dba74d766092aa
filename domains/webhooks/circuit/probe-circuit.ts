import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { webhooksConfig } from '../config';
import { openDispatch } from '../delivery/open-dispatch';
import { letHeldFollow } from '../endpoints/let-held-follow';
import {
  attendCircuit,
  beginDraining,
  type Circuit,
  claimProbe,
  closeCircuit,
  endProbe,
  readCircuit,
  wantProbe,
} from '../store/circuits';
import { countHeld, holdBacklog } from '../store/held-flow';
import { countRecoverable, holdRecoverable } from '../store/recoveries';
import { attemptProbe } from './attempt-probe';
import { concludeProbe } from './conclude-probe';
import { CLAIM_SLACK_MS } from './open-circuits';
import { nextProbeMs, type RecoveryReport, recoveryReport } from './recovery-report';

export interface ProbeOptions {
  endpointId: PublicId;
  /** Whether to try although it is not time yet, or probes are stopped. */
  insist: boolean;
  /** Says that it is alive; called after every statement that may be repeated. */
  beat(): void;
}

const HOLD_AT_ONCE = 1_000;
/** After this the next look goes on. */
const HOLD_BUDGET_MS = 5_000;
/** How much longer than planned its workflow may be away until the sweep starts it anew. */
const ATTENDED_SLACK_MS = 60_000;

/**
 * Looks at a circuit: holds what waits for its endpoint, and tries one held delivery if it is time. One that is delivered
 * has the circuit drain.
 *
 * @returns where the circuit stands; null when there is no such endpoint
 */
export async function probeCircuit(
  platform: Platform,
  { endpointId, insist, beat }: ProbeOptions,
): Promise<RecoveryReport | null> {
  const { pool } = platform;
  const circuit = await readCircuit(pool, endpointId);
  if (circuit === undefined) return null;
  if (circuit.state === 'open') {
    if (circuit.endpointState !== 'enabled') await abandon(platform, circuit);
    else if (!circuit.settings.enabled) await beginDraining(pool, endpointId);
    else {
      await holdWaiting(platform, { endpointId, insist, beat });
      const due = !circuit.paused && circuit.nextProbeInMs <= 0;
      if ((due || insist) && circuit.probingForMs === undefined) await probe(platform, circuit);
    }
  }
  return reportOn(platform, endpointId);
}

/** Where a circuit stands, with its workflow said to be there until it is to look again. */
export async function reportOn(platform: Platform, endpointId: PublicId): Promise<RecoveryReport | null> {
  const { pool, settings } = platform;
  const circuit = await readCircuit(pool, endpointId);
  if (circuit === undefined) return null;
  const waiting = { held: await countHeld(pool, endpointId), deadLetters: await countRecoverable(pool, endpointId) };
  const report = recoveryReport(circuit, waiting, settings.of(webhooksConfig));
  if (circuit.state !== 'closed') await attendCircuit(pool, endpointId, report.nextInMs + ATTENDED_SLACK_MS);
  return report;
}

/** The endpoint was paused, disabled or deleted: what is held follows that, and its circuit begins anew. */
async function abandon(platform: Platform, { endpointId, tenantId }: Circuit): Promise<void> {
  await closeCircuit(platform.pool, endpointId, ['open', 'draining']);
  await letHeldFollow(platform, { endpointId, tenantId });
}

async function holdWaiting({ pool }: Platform, { endpointId, beat }: ProbeOptions): Promise<void> {
  const until = Date.now() + HOLD_BUDGET_MS;
  while ((await holdBacklog(pool, endpointId, HOLD_AT_ONCE)) === HOLD_AT_ONCE && Date.now() < until) beat();
}

async function probe(platform: Platform, circuit: Circuit): Promise<void> {
  const { pool, settings } = platform;
  const { endpointId, timeoutMs } = circuit;
  const { engine } = openDispatch(platform);
  if (!(await claimProbe(pool, endpointId, timeoutMs + CLAIM_SLACK_MS))) return;
  const delivery =
    (await engine.leaseHeld(endpointId, circuit.probedWith)) ??
    ((await holdRecoverable(pool, endpointId)) !== undefined
      ? await engine.leaseHeld(endpointId, undefined)
      : undefined);
  if (delivery === undefined) {
    // With a fallback nothing is held: the next delivery is tried at the endpoint first.
    if (circuit.fallbackUrl !== undefined) await wantProbe(pool, endpointId);
    const nextInMs = nextProbeMs(circuit, settings.of(webhooksConfig));
    await endProbe(pool, { endpointId, deliveryId: undefined, failed: false, nextInMs });
    return;
  }
  await attemptProbe(platform, delivery, (end) =>
    concludeProbe(platform, { endpointId, deliveryId: delivery.deliveryId, end }),
  );
}
