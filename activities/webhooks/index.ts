import { activityInfo, heartbeat, sleep } from '@temporalio/activity';
import type { PublicId } from '../../core/ids';
import {
  attemptRound,
  type BacklogReport,
  cancelDeliveries,
  forgetOld,
  makeDue,
  openDispatch,
  type RetentionReport,
  type RoundReport,
  type SweepReport,
  serveBacklog,
  sweep,
  webhookMetrics,
  webhooksConfig,
} from '../../domains/webhooks';
import type { Platform } from '../../infra/platform/platform';

export type { BacklogReport, RetentionReport, RoundReport, SweepReport };

export type WebhookActivities = ReturnType<typeof createWebhookActivities>;

/** The side effects of webhook delivery. */
export function createWebhookActivities(platform: Platform) {
  const { pool } = platform;
  const config = { ...platform.config, ...platform.settings.of(webhooksConfig) };
  const { engine } = openDispatch(platform);
  const beat = () => heartbeat();
  const backlogs = { db: pool, engine, metrics: platform.metrics.of(webhookMetrics), config, beat };
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
    /** Makes waiting deliveries due now. @returns how many were waiting */
    makeDue: (deliveryIds: PublicId[]): Promise<number> => makeDue(pool, deliveryIds),
    /** Ends waiting deliveries without a further attempt. @returns how many were waiting */
    cancelDeliveries: (deliveryIds: PublicId[]): Promise<number> => cancelDeliveries(pool, deliveryIds),
    /** Covers deliveries that nobody attends to. */
    sweepOverdueDeliveries: (graceMs?: number): Promise<SweepReport> => sweep(platform, { beat, graceMs }),
    /** Forgets contents and history that have been kept long enough. */
    forgetOld: (): Promise<RetentionReport> => forgetOld({ pool, config, beat }),
  };
}
