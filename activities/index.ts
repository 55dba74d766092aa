import type { ActivityDeps } from './deps';
import { createPaymentActivities } from './payments';
import { createSettlementActivities } from './settlement';
import { createWebhookActivities } from './webhooks';

export type { ActivityDeps } from './deps';

/** Every activity that the worker registers. */
export function createActivities(deps: ActivityDeps) {
  return { ...createWebhookActivities(deps), ...createPaymentActivities(deps), ...createSettlementActivities(deps) };
}
