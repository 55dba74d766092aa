import { type Client, ScheduleAlreadyRunning, type ScheduleOptions, ScheduleOverlapPolicy } from '@temporalio/client';
import type { PlatformConfig } from '../platform/config';
import { TENANT_IDS } from './search-attributes';
import { taskQueue } from './task-queues';

/** Creates Schedules, or updates them to match these options. Several workers may do so at once. */
export async function ensureSchedules(client: Client, schedules: readonly ScheduleOptions[]): Promise<void> {
  for (const options of schedules) {
    try {
      await client.schedule.create(options);
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      const handle = client.schedule.getHandle(options.scheduleId);
      await handle.update((previous) => ({ ...options, state: previous.state }));
    }
  }
}

export interface Housekeeping {
  /** Also the workflow's id. */
  id: string;
  workflowType: string;
  everyMs: number;
  /** What it does, for Web UI. */
  summary: string;
}

/** A Schedule for upkeep. A missed or late run needs no catching up: each run looks at everything. */
export function housekeeping(
  config: PlatformConfig,
  { id, workflowType, everyMs, summary }: Housekeeping,
): ScheduleOptions {
  return {
    scheduleId: id,
    spec: { intervals: [{ every: everyMs }] },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 minute' },
    action: {
      type: 'startWorkflow',
      workflowType,
      taskQueue: taskQueue(config, 'upkeep'),
      workflowId: id,
      workflowExecutionTimeout: '10 minutes',
      staticSummary: summary,
    },
  };
}

/** Something that is due every day at a local time. */
export interface DailyWork {
  /** Also the workflow's id. */
  id: string;
  workflowType: string;
  taskQueue: string;
  hour: number;
  minute: number;
  /** IANA name. */
  timeZone: string;
  args: unknown[];
  /** What it does, for Web UI. */
  summary: string;
  tenantId: string;
}

/** A Schedule for daily work. Runs missed within a week are caught up on, one after the other. */
export function daily(work: DailyWork): ScheduleOptions {
  const { id, workflowType, hour, minute, timeZone, args, summary, tenantId } = work;
  return {
    scheduleId: id,
    spec: { calendars: [{ hour, minute }], timezone: timeZone },
    policies: { overlap: ScheduleOverlapPolicy.BUFFER_ALL, catchupWindow: '7 days', pauseOnFailure: false },
    action: {
      type: 'startWorkflow',
      workflowType,
      workflowId: id,
      taskQueue: work.taskQueue,
      args,
      staticSummary: summary,
      typedSearchAttributes: [{ key: TENANT_IDS, value: [tenantId] }],
    },
  };
}
