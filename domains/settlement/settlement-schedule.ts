import { createHash } from 'node:crypto';
import { atMoments, ensureSchedules, type ListedSchedule } from '../../infra/temporal/schedules';
import { taskQueue } from '../../infra/temporal/task-queues';
import { DAYS_LEFT, dayEnds, endsBy } from './rules/day-ends';
import { SETTLEMENT_WORKFLOWS, settlementLauncherId } from './rules/workflow-names';
import type { Starter } from './start';

const DAY_MS = 86_400_000;

/** The list is some seconds old, and a Schedule fires some milliseconds late. */
const JUST_NOW_MS = 10_000;

/** Where and when a business's day ends. */
export interface SettlementTimes {
  tenantId: string;
  /** IANA name. */
  timeZone: string;
  /** `HH:MM` */
  cutoff: string;
}

/**
 * Creates the Schedule of a business, or updates it to what the business says now. It fires at the ends of days, which
 * are computed here and given to Temporal as moments: its own rules for time zones may be others, and it does not fire
 * at a local time that clocks leave out.
 *
 * @throws UnknownTimeZone
 */
export async function ensureSettlementSchedule(
  { client, config }: Starter,
  times: SettlementTimes,
  now = new Date(),
): Promise<void> {
  await ensureSchedules(client, [settlementSchedule(times, config, now)]);
}

/**
 * Whether a Schedule fires when it should, and goes on for long enough. One that somebody has paused is left alone.
 *
 * @param listed - `undefined` when there is none
 * @throws UnknownTimeZone
 */
export function isInOrder(
  listed: ListedSchedule | undefined,
  times: SettlementTimes,
  { config, now }: { config: Starter['config']; now: Date },
): boolean {
  if (listed === undefined) return false;
  if (listed.paused) return true;
  const wanted = formOf(times, config);
  const [, form, until] = /^(.*), until (\d{4}-\d{2}-\d{2})$/.exec(listed.note ?? '') ?? [];
  if (form !== wanted || Date.parse(until ?? '') < now.getTime() + DAYS_LEFT * DAY_MS) return false;
  const next = listed.next.find((moment) => moment.getTime() > now.getTime() + JUST_NOW_MS);
  const [end] = dayEnds(times, new Date(now.getTime() + JUST_NOW_MS), 1);
  return next !== undefined && next.getTime() === end?.getTime();
}

/** The Schedule of a business as it is made at a moment. @throws UnknownTimeZone */
export function settlementSchedule(times: SettlementTimes, config: Starter['config'], now: Date) {
  const moments = dayEnds(times, now);
  const until = moments.at(-1)?.toISOString().slice(0, 10);
  return atMoments({ ...workOf(times, config), moments, note: `${formOf(times, config)}, until ${until}` });
}

function workOf({ tenantId, timeZone, cutoff }: SettlementTimes, config: Starter['config']) {
  return {
    id: settlementLauncherId(tenantId),
    workflowType: SETTLEMENT_WORKFLOWS.settlementLauncher,
    taskQueue: taskQueue(config, 'money'),
    args: [{ tenantId }],
    summary: `Settles what is over, at ${cutoff} ${timeZone}`,
    tenantId,
  };
}

/** Everything about a Schedule but how far it reaches, for its note: when code or configuration change it is updated. */
function formOf(times: SettlementTimes, config: Starter['config']): string {
  const form = atMoments({ ...workOf(times, config), moments: [], note: endsBy(times) });
  const digest = createHash('sha256').update(JSON.stringify(form)).digest('hex').slice(0, 8);
  return `${endsBy(times)} [${digest}]`;
}
