import {
  ActivityFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { RecoveryReport, WebhookActivities } from '../../activities/webhooks';
import { DRAIN_AT, PAUSE, PROBE_NOW, PROGRESS, RESUME, TRY_NOW } from '../../domains/webhooks/rules/workflow-names';
import { WAYBILL_STATE } from '../../infra/temporal/search-attributes';
import { describeRecovery } from './endpoint-recovery-details';

/** What starts an `endpointRecovery`; where it stands is in the database. */
export interface EndpointRecoveryInput {
  endpointId: string;
  /** Tries to tell somebody that have failed, before this run. */
  untold?: number;
}

export const pause = defineUpdate<void>(PAUSE);
export const resume = defineUpdate<void>(RESUME);
export const probeNow = defineUpdate<void>(PROBE_NOW);
export const drainAt = defineUpdate<void, [number]>(DRAIN_AT);
export const tryCircuit = defineSignal(TRY_NOW);
export const recoveryProgress = defineQuery<RecoveryReport | null>(PROGRESS);

const { probeCircuit, drainCircuit, steerCircuit } = proxyActivities<WebhookActivities>({
  startToCloseTimeout: '1 minute',
  heartbeatTimeout: '20 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
});

const { escalateCircuit, giveAllClear } = proxyActivities<WebhookActivities>({
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: '2 seconds', maximumInterval: '30 seconds', maximumAttempts: 3 },
});

/** Whoever cannot be told in so many rounds is not told. */
const MOST_UNTOLD = 10;

const FASTEST_DRAIN = 10_000;

/**
 * Lives while the circuit of one endpoint is not closed: tries one of the held deliveries at a time, ever more rarely, tells
 * people when it lasts, and lets go of what is held once one is delivered. Its work is the same whatever is held.
 */
export async function endpointRecovery({ endpointId, untold: untoldBefore = 0 }: EndpointRecoveryInput): Promise<void> {
  let insist = false;
  let woken = false;
  let untold = untoldBefore;
  let report = null as RecoveryReport | null;
  const steer = async (change: { paused?: boolean; drainRate?: number }) => {
    await steerCircuit(endpointId, change);
    woken = true;
  };
  setHandler(pause, () => steer({ paused: true }), { description: 'Stops the probes; deliveries stay held' });
  setHandler(resume, () => steer({ paused: false }), { description: 'Probes go on' });
  setHandler(
    probeNow,
    () => {
      insist = true;
    },
    { description: 'Tries a held delivery now' },
  );
  setHandler(drainAt, (rate) => steer({ drainRate: rate }), {
    description: 'Lets go of so many held deliveries a second, once the endpoint works',
    validator: (rate) => {
      if (!Number.isInteger(rate) || rate < 1 || rate > FASTEST_DRAIN) {
        throw new Error(`expected a whole number from 1 to ${FASTEST_DRAIN}`);
      }
    },
  });
  setHandler(tryCircuit, () => {
    insist = true;
  });
  setHandler(recoveryProgress, () => report, { description: 'Where the circuit stands' });

  setCurrentDetails(`Attends to ${endpointId}, which fails.`);
  for (;;) {
    const probing = insist;
    insist = false;
    woken = false;
    const before = report;
    report = before?.state === 'draining' ? await drainCircuit(endpointId) : await probeCircuit(endpointId, probing);
    if (report === null) break;
    setCurrentDetails(describeRecovery(endpointId, report));
    if (before?.state !== report.state) upsertSearchAttributes([{ key: WAYBILL_STATE, value: report.state }]);
    if (report.state === 'closed') break;
    if (report.escalate && untold < MOST_UNTOLD) untold += await inVain(() => escalateCircuit(endpointId));
    if (workflowInfo().continueAsNewSuggested) {
      await condition(allHandlersFinished);
      await continueAsNew<typeof endpointRecovery>({ endpointId, untold });
    }
    if (report.state === 'open') await condition(() => insist || woken, report.nextInMs);
  }
  const over = report?.incidentId;
  if (over !== null && over !== undefined) {
    await inVain(() => giveAllClear(endpointId, over));
  }
  await condition(allHandlersFinished);
}

/** @returns 1 when it was in vain, after the activity's own retries */
async function inVain(work: () => Promise<void>): Promise<0 | 1> {
  try {
    await work();
    return 0;
  } catch (error) {
    if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
    return 1;
  }
}
