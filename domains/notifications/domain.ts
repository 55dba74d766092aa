import type { Domain } from '../../infra/platform/domain';
import { housekeeping } from '../../infra/temporal/schedules';
import { notificationsConfig } from './config';
import { NOTIFICATION_WORKFLOWS, SWEEP_NOTIFICATIONS_SCHEDULE } from './rules/workflow-names';
import { watchNotifications } from './watch-notifications';

export const notifications: Domain = {
  name: 'notifications',
  config: notificationsConfig,
  scopes: ['notifications:read', 'notifications:write', 'templates:read', 'templates:write'],
  watch: watchNotifications,
  schedules: ({ config }) => [
    housekeeping(config, {
      id: SWEEP_NOTIFICATIONS_SCHEDULE,
      workflowType: NOTIFICATION_WORKFLOWS.sweepNotifications,
      everyMs: config.WAYBILL_SWEEP_INTERVAL,
      summary: 'Gives overdue notifications to a workflow, checks decisions, and forgets old ones',
    }),
  ],
};
