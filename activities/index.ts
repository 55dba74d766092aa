import type { Platform } from '../infra/platform/platform';
import { createInboundActivities } from './inbound';
import { createPaymentActivities } from './payments';
import { createSettlementActivities } from './settlement';
import { createWebhookActivities } from './webhooks';

/** Every activity that a worker registers. */
export function createActivities(platform: Platform) {
  return {
    ...createWebhookActivities(platform),
    ...createInboundActivities(platform),
    ...createPaymentActivities(platform),
    ...createSettlementActivities(platform),
  };
}
