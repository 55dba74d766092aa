import { type Client, ScheduleAlreadyRunning, type ScheduleOptions, ScheduleOverlapPolicy } from '@temporalio/client';
import type { Config } from '../config';
import { SCHEDULES, WORKFLOWS } from './names';

const RETENTION_INTERVAL_MS = 3_600_000;

/** Creates the schedules, or brings them to what this version says. Safe to run from several workers at once. */
export async function ensureSchedules(client: Client, config: Config): Promise<void> {
  for (const options of schedules(config)) {
    try {
      await client.schedule.create(options);
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      const handle = client.schedule.getHandle(options.scheduleId);
      await handle.update((previous) => ({ ...options, state: previous.state }));
    }
  }
}

function schedules(config: Config): ScheduleOptions[] {
  const housekeeping = (
    scheduleId: string,
    everyMs: number,
    workflowType: string,
    summary: string,
  ): ScheduleOptions => ({
    scheduleId,
    spec: { intervals: [{ every: everyMs }] },
    // A missed or a late run has nothing to catch up on: each looks at everything there is.
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 minute' },
    action: {
      type: 'startWorkflow',
      workflowType,
      taskQueue: config.WAYBILL_TASK_QUEUE,
      workflowId: scheduleId,
      workflowExecutionTimeout: '10 minutes',
      staticSummary: summary,
    },
  });
  return [
    housekeeping(
      SCHEDULES.sweepOverdue,
      config.WAYBILL_SWEEP_INTERVAL,
      WORKFLOWS.sweepOverdue,
      'Gives overdue deliveries to their workflows',
    ),
    housekeeping(
      SCHEDULES.sweepPayments,
      config.WAYBILL_SWEEP_INTERVAL,
      WORKFLOWS.sweepPayments,
      'Gives payments, refunds and chargebacks without progress to their workflows',
    ),
    housekeeping(
      SCHEDULES.retention,
      RETENTION_INTERVAL_MS,
      WORKFLOWS.retention,
      'Forgets what has been kept long enough',
    ),
  ];
}
