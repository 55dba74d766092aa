import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { InboundActivities, InboundSweepReport } from '../../activities/inbound';

const { sweepInboundEvents } = proxyActivities<InboundActivities>({
  startToCloseTimeout: '9 minutes',
  heartbeatTimeout: '1 minute',
  retry: { maximumAttempts: 3 },
});

/** Run by the Schedule `sweep-inbound`: attends to events that nothing attends to, and forgets old ones. */
export async function sweepInbound(): Promise<InboundSweepReport> {
  const report = await sweepInboundEvents();
  const { overdue, contentsForgotten, eventsRemoved } = report;
  setCurrentDetails(
    `${overdue} overdue events were given to \`inbound/overdue\`; ${contentsForgotten} contents forgotten, ` +
      `${eventsRemoved} events removed.`,
  );
  return report;
}
