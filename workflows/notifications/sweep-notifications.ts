import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { NotificationActivities, NotificationSweepReport } from '../../activities/notifications';

const { sweepDueNotifications } = proxyActivities<NotificationActivities>({
  startToCloseTimeout: '9 minutes',
  heartbeatTimeout: '1 minute',
  retry: { maximumAttempts: 3 },
});

/** Run by the Schedule `sweep-notifications`: attends to sends that nothing attends to, checks decisions, and forgets old ones. */
export async function sweepNotifications(): Promise<NotificationSweepReport> {
  const report = await sweepDueNotifications();
  const { overdue, broken, contentsForgotten, notificationsRemoved } = report;
  setCurrentDetails(
    `${overdue} overdue sends were given to \`notification/overdue\`; ${broken} decisions were by outdated preferences; ` +
      `${contentsForgotten} contents forgotten, ${notificationsRemoved} notifications removed.`,
  );
  return report;
}
