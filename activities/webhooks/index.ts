import { activityInfo, heartbeat, sleep } from '@temporalio/activity';
import type { PublicId } from '../../core/ids';
import {
  attemptRound,
  type BacklogReport,
  cancelDeliveries,
  drainCircuit,
  escalate,
  forgetOld,
  giveAllClear,
  makeDue,
  openDispatch,
  probeCircuit,
  type RecoveryReport,
  type ReplayCommand,
  type ReplayReport,
  type RetentionReport,
  type RoundReport,
  replayRound,
  type SweepReport,
  serveBacklog,
  steerCircuit,
  steerReplay,
  sweep,
  webhookMetrics,
  webhooksConfig,
} from '../../domains/webhooks';
import type { Platform } from '../../infra/platform/platform';

export type { BacklogReport, RecoveryReport, ReplayReport, RetentionReport, RoundReport, SweepReport };

export type WebhookActivities = ReturnType<typeof createWebhookActivities>;

/** The side effects of webhook delivery. */
export function createWebhookActivities(platform: Platform) {
  const { pool } = platform;
  const config = { ...platform.config, ...platform.settings.of(webhooksConfig) };
  const { engine, ordered } = openDispatch(platform);
  const beat = () => heartbeat();
  const backlogs = { db: pool, engine, ordered, metrics: platform.metrics.of(webhookMetrics), config, beat };
  const rounds = { db: pool, engine, beat, sleep };
  return {
    /** Attempts the deliveries that are due, and reports where all of them stand. */
    attemptRound: (deliveryIds: PublicId[], insisted: PublicId[] = []): Promise<RoundReport> =>
      attemptRound(rounds, {
        deliveryIds,
        workflowId: activityInfo().workflowExecution?.workflowId ?? '',
        insisted: new Set(insisted),
      }),
    /** Attempts what is due in an endpoint's backlog, and reports where it stands. */
    serveBacklog: (endpointId: PublicId, insist = false): Promise<BacklogReport> =>
      serveBacklog(backlogs, { endpointId, insist }),
    /** Looks at an endpoint's circuit, tries a held delivery if it is time, and reports; null when it is gone. */
    probeCircuit: (endpointId: PublicId, insist = false): Promise<RecoveryReport | null> =>
      probeCircuit(platform, { endpointId, insist, beat }),
    /** Lets go of what is held for an endpoint that works again, for some seconds, and reports; null when it is gone. */
    drainCircuit: (endpointId: PublicId): Promise<RecoveryReport | null> =>
      drainCircuit(platform, { endpointId, beat, sleep }),
    /** Stops or resumes probes, or sets how fast held deliveries are let go. */
    steerCircuit: (endpointId: PublicId, change: { paused?: boolean; drainRate?: number }): Promise<void> =>
      steerCircuit(pool, endpointId, change),
    /** Tells those who are to be told that an endpoint fails. */
    escalateCircuit: (endpointId: PublicId): Promise<void> => escalate(platform, endpointId),
    /** Tells those who were told that it works again. */
    giveAllClear: (endpointId: PublicId, incidentId: string): Promise<void> =>
      giveAllClear(platform, endpointId, incidentId),
    /** Makes waiting deliveries due now. @returns how many were waiting */
    makeDue: (deliveryIds: PublicId[]): Promise<number> => makeDue(pool, deliveryIds),
    /** Ends waiting deliveries without a further attempt. @returns how many were waiting */
    cancelDeliveries: (deliveryIds: PublicId[]): Promise<number> => cancelDeliveries(pool, deliveryIds),
    /** Goes on with a replay for some seconds, and reports where it stands. */
    replayRound: (replayId: PublicId): Promise<ReplayReport> => replayRound({ platform, beat, sleep }, replayId),
    /** Pauses, resumes or cancels a replay. @returns its state, and whether the command applies to it */
    steerReplay: (replayId: PublicId, command: ReplayCommand) => steerReplay(pool, replayId, command),
    /** Covers deliveries that nobody attends to. */
    sweepOverdueDeliveries: (graceMs?: number): Promise<SweepReport> => sweep(platform, { beat, graceMs }),
    /** Forgets contents and history that have been kept long enough. */
    forgetOld: (): Promise<RetentionReport> => forgetOld({ pool, config, beat }),
  };
}
