import { type Client, type ScheduleOptions, ScheduleOverlapPolicy } from '@temporalio/client';
import type { Platform } from '../../infra/platform/platform';
import { ensureSchedules } from '../../infra/temporal/schedules';
import { TENANT_IDS } from '../../infra/temporal/search-attributes';
import { taskQueue } from '../../infra/temporal/task-queues';
import { listBusinesses } from '../merchants';
import { SETTLEMENT_WORKFLOWS, settlementLauncherId } from './rules/workflow-names';

const PAGE = 500;

/** Where and when a business's day ends. */
export interface SettlementTimes {
  tenantId: string;
  /** IANA name. */
  timeZone: string;
  /** `HH:MM` */
  cutoff: string;
}

interface ScheduleDeps {
  client: Client;
  config: { WAYBILL_TASK_QUEUE: string };
}

/**
 * Creates the Schedule of a business, or brings it to what the business says now. It fires at the cut-off, and the
 * launcher takes the day from the moment at which it was due. Where the clocks make a local time happen twice, some
 * servers fire at both, and the second finds nothing to do, others only at the second (1.29 does); where they leave it
 * out it does not fire, and the next day's does both.
 */
export async function ensureSettlementSchedule(
  { client, config }: ScheduleDeps,
  business: SettlementTimes,
): Promise<void> {
  await ensureSchedules(client, [scheduleOf(taskQueue(config, 'money'), business)]);
}

/** Sees to it that every business has its Schedule. One that Temporal refuses keeps no other from having its own. */
export async function ensureSettlementSchedules(
  platform: Pick<Platform, 'pool' | 'client' | 'config' | 'log'>,
): Promise<void> {
  const { pool, log } = platform;
  for (let after: string | undefined; ; ) {
    const businesses = await listBusinesses(pool, after, PAGE);
    for (const business of businesses) {
      await ensureSettlementSchedule(platform, business).catch((error: unknown) => {
        // The client's error for what the server finds invalid, such as a time zone that it does not know.
        if (!(error instanceof TypeError)) throw error;
        log.error({ err: error, tenantId: business.tenantId }, 'a business has no Schedule: its days are not settled');
      });
    }
    after = businesses.at(-1)?.tenantId;
    if (businesses.length < PAGE) return;
  }
}

function scheduleOf(queue: string, { tenantId, timeZone, cutoff }: SettlementTimes): ScheduleOptions {
  const [hour, minute] = cutoff.split(':').map(Number);
  return {
    scheduleId: settlementLauncherId(tenantId),
    spec: { calendars: [{ hour: hour ?? 23, minute: minute ?? 59 }], timezone: timeZone },
    policies: { overlap: ScheduleOverlapPolicy.BUFFER_ALL, catchupWindow: '7 days', pauseOnFailure: false },
    action: {
      type: 'startWorkflow',
      workflowType: SETTLEMENT_WORKFLOWS.settlementLauncher,
      workflowId: settlementLauncherId(tenantId),
      taskQueue: queue,
      args: [{ tenantId }],
      staticSummary: `Settles what is over, at ${cutoff} ${timeZone}`,
      typedSearchAttributes: [{ key: TENANT_IDS, value: [tenantId] }],
    },
  };
}
