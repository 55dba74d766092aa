import { createWebhookActivities, type WebhookActivityDeps } from './webhooks';

export type ActivityDeps = WebhookActivityDeps;

/** Every activity that the worker registers. */
export function createActivities(deps: ActivityDeps) {
  return { ...createWebhookActivities(deps) };
}
