import { type Client, ScheduleAlreadyRunning, type ScheduleOptions, ScheduleOverlapPolicy } from '@temporalio/client';
import type { PlatformConfig } from '../platform/config';
import { calendarsOf } from './calendars';
import { TENANT_IDS } from './search-attributes';
import { taskQueue } from './task-queues';

/**
 * Creates Schedules, or updates them to match these options. Several workers may do so at once. One that is paused stays
 * so, with the note that says why.
 *
 * @returns the ids of those that are paused
 */
export async function ensureSchedules(client: Client, schedules: readonly ScheduleOptions[]): Promise<Set<string>> {
  const paused = new Set<string>();
  for (const options of schedules) {
    try {
      await client.schedule.create(options);
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      const handle = client.schedule.getHandle(options.scheduleId);
      await handle.update(({ state }) => {
        if (state.paused) paused.add(options.scheduleId);
        return { ...options, state: state.paused ? state : { ...state, ...options.state } };
      });
    }
  }
  return paused;
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

/** Something that is due at moments that are known. */
export interface DatedWork {
  /** Also the workflow's id. */
  id: string;
  workflowType: string;
  taskQueue: string;
  moments: readonly Date[];
  args: unknown[];
  /** What it does, for Web UI. */
  summary: string;
  /** What is said about the moments. */
  note: string;
  tenantId: string;
}

/**
 * A Schedule that fires at these moments. They are written as calendars in UTC, so Temporal needs to know nothing of time
 * zones. Runs missed within a week are caught up on, one after the other.
 */
export function atMoments(work: DatedWork): ScheduleOptions {
  const { id, workflowType, moments, args, summary, note, tenantId } = work;
  return {
    scheduleId: id,
    spec: { calendars: calendarsOf(moments), timezone: 'UTC' },
    policies: { overlap: ScheduleOverlapPolicy.BUFFER_ALL, catchupWindow: '7 days', pauseOnFailure: false },
    state: { note },
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

/** What a list of Schedules says about one. It may be some seconds old. */
export interface ListedSchedule {
  paused: boolean;
  note: string | undefined;
  /** When it fires next; at most a few. */
  next: readonly Date[];
}

/** The Schedules whose ids begin with this, by id. */
export async function listSchedules(client: Client, prefix: string): Promise<Map<string, ListedSchedule>> {
  const found = new Map<string, ListedSchedule>();
  for await (const { scheduleId, state, info } of client.schedule.list()) {
    if (!scheduleId.startsWith(prefix)) continue;
    found.set(scheduleId, { paused: state.paused, note: state.note, next: info.nextActionTimes });
  }
  return found;
}
