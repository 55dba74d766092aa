import { type Client, ScheduleAlreadyRunning, type ScheduleOptions, ScheduleOverlapPolicy } from '@temporalio/client';
import { settlementLauncherId, WORKFLOWS } from '../../infra/temporal/names';
import { TENANT_IDS } from '../../infra/temporal/search-attributes';

/** Where and when a business's day ends. */
export interface SettlementTimes {
  tenantId: string;
  /** IANA name. */
  timeZone: string;
  /** `HH:MM` */
  cutoff: string;
}

/**
 * Creates the Schedule of a business, or brings it to what the business says now. It fires at the cut-off, and the
 * launcher takes the day from the moment at which it was due. Where the clocks make a local time happen twice, some
 * servers fire at both, and the second finds nothing to do, others only at the second (1.29 does); where they leave it
 * out it does not fire, and the next day's does both.
 */
export async function ensureSettlementSchedule(
  client: Client,
  taskQueue: string,
  business: SettlementTimes,
): Promise<void> {
  const options = scheduleOf(taskQueue, business);
  try {
    await client.schedule.create(options);
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await client.schedule.getHandle(options.scheduleId).update((previous) => ({ ...options, state: previous.state }));
  }
}

function scheduleOf(taskQueue: string, { tenantId, timeZone, cutoff }: SettlementTimes): ScheduleOptions {
  const [hour, minute] = cutoff.split(':').map(Number);
  return {
    scheduleId: settlementLauncherId(tenantId),
    spec: { calendars: [{ hour: hour ?? 23, minute: minute ?? 59 }], timezone: timeZone },
    policies: { overlap: ScheduleOverlapPolicy.BUFFER_ALL, catchupWindow: '7 days', pauseOnFailure: false },
    action: {
      type: 'startWorkflow',
      workflowType: WORKFLOWS.settlementLauncher,
      workflowId: settlementLauncherId(tenantId),
      taskQueue,
      args: [{ tenantId }],
      staticSummary: `Settles what is over, at ${cutoff} ${timeZone}`,
      typedSearchAttributes: [{ key: TENANT_IDS, value: [tenantId] }],
    },
  };
}
