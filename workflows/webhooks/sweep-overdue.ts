import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { SweepReport, WebhookActivities } from '../../activities/webhooks';

const { sweepOverdueDeliveries } = proxyActivities<WebhookActivities>({
  startToCloseTimeout: '2 minutes',
  retry: { maximumAttempts: 3 },
});

export interface SweepInput {
  /** How late a delivery may be before the sweep covers it; by default as configured. */
  graceMs?: number;
}

/** Run by the Schedule `sweep-overdue`: starts the workflows of deliveries that nobody attended to in time. */
export async function sweepOverdue(input: SweepInput = {}): Promise<SweepReport> {
  const report = await sweepOverdueDeliveries(input.graceMs);
  setCurrentDetails(
    report.overdue === 0
      ? 'Nothing was overdue.'
      : `${report.overdue} deliveries overdue: ${report.started} workflows started, ${report.kept} were running.`,
  );
  return report;
}
