import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { SweepReport, WebhookActivities } from '../../activities/webhooks';

const { sweepOverdueDeliveries } = proxyActivities<WebhookActivities>({
  startToCloseTimeout: '3 minutes',
  heartbeatTimeout: '20 seconds',
  retry: { maximumAttempts: 3 },
});

/** Run by the Schedule `sweep-overdue`: covers deliveries that nobody attends to. */
export async function sweepOverdue(): Promise<SweepReport> {
  const report = await sweepOverdueDeliveries();
  setCurrentDetails(describe(report));
  return report;
}

function describe({ overdue, started, kept, moved = 0, backlogs = 0, held = 0, recovering = 0 }: SweepReport): string {
  if (overdue + backlogs + held + recovering === 0) return 'Nothing was overdue.';
  const parts = [
    `${overdue} deliveries overdue: ${started} workflows started, ${kept} were running, ${moved} deliveries moved to ` +
      'the backlogs of their endpoints.',
  ];
  if (backlogs > 0) parts.push(`${backlogs} backlogs had no workflow.`);
  if (held > 0) parts.push(`${held} held deliveries followed their endpoints.`);
  if (recovering > 0) parts.push(`${recovering} endpoints have dead letters that recover.`);
  return parts.join(' ');
}
