import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { RetentionReport, WebhookActivities } from '../../activities/webhooks';

const { forgetOld } = proxyActivities<WebhookActivities>({
  startToCloseTimeout: '9 minutes',
  heartbeatTimeout: '1 minute',
  retry: { maximumAttempts: 3 },
});

/** Run by the Schedule `retention`: forgets contents and history that have been kept long enough. */
export async function retention(): Promise<RetentionReport> {
  const report = await forgetOld();
  setCurrentDetails(
    `${report.contentsExpiredOnRequest} contents expired early on request, ${report.messagesRemoved} messages and ` +
      `${report.idempotencyRecordsRemoved} idempotency records removed.`,
  );
  return report;
}
