import { heartbeat, sleep } from '@temporalio/activity';
import type { PublicId } from '../../core/ids';
import {
  attemptRound,
  cancelDeliveries,
  forgetOld,
  makeDue,
  openDispatch,
  type RetentionReport,
  type RoundReport,
  type SweepReport,
  sweep,
  webhookMetrics,
  webhooksConfig,
} from '../../domains/webhooks';
import type { Platform } from '../../infra/platform/platform';

export type { RetentionReport, RoundReport, SweepReport };

export type WebhookActivities = ReturnType<typeof createWebhookActivities>;

/** The side effects of webhook delivery. */
export function createWebhookActivities(platform: Platform) {
  const { pool, client, log } = platform;
  const config = { ...platform.config, ...platform.settings.of(webhooksConfig) };
  const { engine } = openDispatch(platform);
  const beat = () => heartbeat();
  const rounds = { db: pool, engine, beat, sleep };
  const sweeps = { pool, client, config, metrics: platform.metrics.of(webhookMetrics), log };
  return {
    /** Attempts the deliveries that are due, and reports where all of them stand. */
    attemptRound: (deliveryIds: PublicId[]): Promise<RoundReport> => attemptRound(rounds, deliveryIds),
    /** Makes waiting deliveries due now. @returns how many were waiting */
    makeDue: (deliveryIds: PublicId[]): Promise<number> => makeDue(pool, deliveryIds),
    /** Ends waiting deliveries without a further attempt. @returns how many were waiting */
    cancelDeliveries: (deliveryIds: PublicId[]): Promise<number> => cancelDeliveries(pool, deliveryIds),
    /** Starts workflows for deliveries that nobody attended to in time. */
    sweepOverdueDeliveries: (graceMs?: number): Promise<SweepReport> => sweep(sweeps, graceMs),
    /** Forgets contents and history that have been kept long enough. */
    forgetOld: (): Promise<RetentionReport> => forgetOld({ pool, config, beat }),
  };
}
