import { activityInfo, heartbeat } from '@temporalio/activity';
import {
  type InboundReport,
  type InboundSweepReport,
  processEvents,
  processingDeps,
  sweepInbound,
} from '../../domains/inbound';
import type { Platform } from '../../infra/platform/platform';
import { withHeartbeats } from '../payments/heartbeats';

export type { InboundReport, InboundSweepReport };

export type InboundActivities = ReturnType<typeof createInboundActivities>;

/** The side effects of inbound webhooks. */
export function createInboundActivities(platform: Platform) {
  const deps = processingDeps(platform);
  return {
    /** Processes the events of the calling workflow that are due, and reports where all of them stand. */
    processInboundEvents: (): Promise<InboundReport> =>
      withHeartbeats(processEvents(deps, activityInfo().workflowExecution?.workflowId ?? '')),
    /** Gives overdue events to a workflow, and forgets old ones. */
    sweepInboundEvents: (): Promise<InboundSweepReport> => sweepInbound(platform, () => heartbeat()),
  };
}
