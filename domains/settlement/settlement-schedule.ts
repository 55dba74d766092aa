import type { Platform } from '../../infra/platform/platform';
import { daily, ensureSchedules } from '../../infra/temporal/schedules';
import { taskQueue } from '../../infra/temporal/task-queues';
import { listBusinesses } from '../merchants';
import { SETTLEMENT_WORKFLOWS, settlementLauncherId } from './rules/workflow-names';
import type { Starter } from './start';

const PAGE = 500;

/** Where and when a business's day ends. */
export interface SettlementTimes {
  tenantId: string;
  /** IANA name. */
  timeZone: string;
  /** `HH:MM` */
  cutoff: string;
}

/**
 * Creates the Schedule of a business, or updates it to what the business says now. It fires at the cut-off, and the
 * launcher derives the day from the time at which it was due. Where clocks show a local time twice, some servers fire
 * at both, and the second finds nothing to do; others fire only at the second (1.29 does). Where clocks skip it, the
 * Schedule does not fire, and the next day's settles both.
 */
export async function ensureSettlementSchedule(
  { client, config }: Starter,
  { tenantId, timeZone, cutoff }: SettlementTimes,
): Promise<void> {
  const [hour, minute] = cutoff.split(':').map(Number);
  const schedule = daily({
    id: settlementLauncherId(tenantId),
    workflowType: SETTLEMENT_WORKFLOWS.settlementLauncher,
    taskQueue: taskQueue(config, 'money'),
    hour: hour ?? 23,
    minute: minute ?? 59,
    timeZone,
    args: [{ tenantId }],
    summary: `Settles what is over, at ${cutoff} ${timeZone}`,
    tenantId,
  });
  await ensureSchedules(client, [schedule]);
}

/** Ensures that every business has its Schedule. If Temporal refuses one, the others are made all the same. */
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
