import type { PublicId } from '../../core/ids';
import { type RoundReport, runRound } from '../../domains/webhooks/delivery/attempt-round';
import { cancelDeliveries, makeDue } from '../../domains/webhooks/store/delivery-commands';
import { forgetOld, type RetentionReport } from '../../domains/webhooks/upkeep/retention';
import { type SweepReport, sweep } from '../../domains/webhooks/upkeep/sweep';
import type { ActivityDeps } from '../deps';

export type WebhookActivities = ReturnType<typeof createWebhookActivities>;

/** The side effects of webhook delivery. */
export function createWebhookActivities(deps: ActivityDeps) {
  return {
    /** Attempts those of these deliveries that are due, and tells where they stand. */
    attemptRound: (deliveryIds: PublicId[]): Promise<RoundReport> => runRound(deps.pool, deps.engine, deliveryIds),
    /** Makes waiting deliveries due now. @returns how many were waiting */
    makeDue: (deliveryIds: PublicId[]): Promise<number> => makeDue(deps.pool, deliveryIds),
    /** Ends waiting deliveries without a further attempt. @returns how many were waiting */
    cancelDeliveries: (deliveryIds: PublicId[]): Promise<number> => cancelDeliveries(deps.pool, deliveryIds),
    /** Starts workflows for deliveries that nobody attended to in time. */
    sweepOverdueDeliveries: (graceMs?: number): Promise<SweepReport> => sweep(deps, graceMs),
    /** Forgets contents and history that have been kept long enough. */
    forgetOld: (): Promise<RetentionReport> => forgetOld(deps.pool, deps.config),
  };
}
