import type { ActivityDeps } from './deps';
import { createPaymentActivities } from './finance/payments';
import { createSettlementActivities } from './finance/settlement';
import { createWebhookActivities } from './webhooks';

export type { ActivityDeps } from './deps';

/** Every activity that the worker registers. */
export function createActivities(deps: ActivityDeps) {
  return { ...createWebhookActivities(deps), ...createPaymentActivities(deps), ...createSettlementActivities(deps) };
}
