import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { webhooksConfig } from '../config';
import { WebhookRefusal } from '../refusals';
import { DRAIN_AT } from '../rules/workflow-names';
import { type RecoveryCommand, updateRecovery } from '../start';
import { readCircuit } from '../store/circuits';
import { findEndpoint } from '../store/endpoints';
import { countHeld } from '../store/held-flow';
import { countRecoverable } from '../store/recoveries';
import { type RecoveryReport, recoveryReport } from './recovery-report';

/** Where the circuit of a tenant's endpoint stands. @throws WebhookRefusal when there is no such endpoint */
export async function showCircuit(
  platform: Platform,
  tenantId: PublicId,
  endpointId: PublicId,
): Promise<RecoveryReport> {
  const { pool, settings } = platform;
  const endpoint = await findEndpoint(pool, tenantId, endpointId);
  const circuit = endpoint === undefined ? undefined : await readCircuit(pool, endpointId);
  if (circuit === undefined) throw new WebhookRefusal('no-such-endpoint');
  const waiting = { held: await countHeld(pool, endpointId), deadLetters: await countRecoverable(pool, endpointId) };
  return recoveryReport(circuit, waiting, settings.of(webhooksConfig));
}

/** A command on the recovery of an endpoint. */
export interface CircuitCommand {
  endpointId: PublicId;
  command: RecoveryCommand;
  /** Deliveries a second, for `drainAt`. */
  rate?: number;
}

/**
 * Has the workflow of an endpoint's incident carry out a command.
 *
 * @returns where the circuit stands afterwards
 * @throws WebhookRefusal when there is no such endpoint, or its circuit is closed; other errors when Temporal is away
 */
export async function commandCircuit(
  platform: Platform,
  tenantId: PublicId,
  { endpointId, command, rate }: CircuitCommand,
): Promise<RecoveryReport> {
  const { state } = await showCircuit(platform, tenantId, endpointId);
  const wanted = command === DRAIN_AT ? state !== 'closed' : state === 'open';
  if (!wanted)
    throw new WebhookRefusal('circuit-not-open', `The circuit is ${state}: there is nothing to ${VERBS[command]}.`);
  await updateRecovery(platform, { endpointId, tenantId }, command, rate === undefined ? [] : [rate]);
  return showCircuit(platform, tenantId, endpointId);
}

const VERBS: Readonly<Record<RecoveryCommand, string>> = {
  pause: 'pause',
  resume: 'resume',
  probeNow: 'probe',
  drainAt: 'drain',
};
