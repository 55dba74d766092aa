import { activityInfo, heartbeat } from '@temporalio/activity';
import {
  type NotificationSweepReport,
  type SendReport,
  sendDue,
  sweepNotifications,
} from '../../domains/notifications';
import type { Platform } from '../../infra/platform/platform';
import { withHeartbeats } from '../payments/heartbeats';

export type { NotificationSweepReport, SendReport };

export type NotificationActivities = ReturnType<typeof createNotificationActivities>;

/** The side effects of notifications. */
export function createNotificationActivities(platform: Platform) {
  return {
    /** Sends what is due of the calling workflow, and reports where all of it stands. */
    sendDueNotifications: (): Promise<SendReport> =>
      withHeartbeats(sendDue(platform, activityInfo().workflowExecution?.workflowId ?? '')),
    /** Gives overdue sends to a workflow, checks decisions, and forgets what is old. */
    sweepDueNotifications: (): Promise<NotificationSweepReport> => sweepNotifications(platform, () => heartbeat()),
  };
}
