import type { Platform } from '../infra/platform/platform';
import { createInboundActivities } from './inbound';
import { createNotificationActivities } from './notifications';
import { createPaymentActivities } from './payments';
import { createPreferenceActivities } from './preferences';
import { createSettlementActivities } from './settlement';
import { createWebhookActivities } from './webhooks';

/** Every activity that a worker registers. */
export function createActivities(platform: Platform) {
  return {
    ...createWebhookActivities(platform),
    ...createInboundActivities(platform),
    ...createPreferenceActivities(platform),
    ...createNotificationActivities(platform),
    ...createPaymentActivities(platform),
    ...createSettlementActivities(platform),
  };
}
