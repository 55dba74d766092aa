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
 * @returns whether it fires: somebody may have paused it
 * @throws UnknownTimeZone
 */
export async function ensureSettlementSchedule(
  { client, config }: Starter,
  times: SettlementTimes,
  now = new Date(),
): Promise<boolean> {
  const paused = await ensureSchedules(client, [settlementSchedule(times, config, now)]);
  return paused.size === 0;
}

/**
 * How a Schedule is: `right`; `old` when it fires next as it should, but was made by other rules or code, or its moments
 * run out; `wrong` when it does not. One that somebody has paused is right.
 *
 * @param listed - `undefined` when there is none
 * @throws UnknownTimeZone
 */
export function conditionOf(
  listed: ListedSchedule | undefined,
  times: SettlementTimes,
  { config, now }: { config: Starter['config']; now: Date },
): 'right' | 'old' | 'wrong' {
  if (listed === undefined) return 'wrong';
  if (listed.paused) return 'right';
  const from = new Date(now.getTime() + JUST_NOW_MS);
  const next = listed.next.filter((moment) => moment > from);
  const ends = dayEnds(times, from, next.length);
  if (next.length === 0 || next.some((moment, at) => moment.getTime() !== ends[at]?.getTime())) return 'wrong';
  const [, form, until = ''] = /^(.*), until (\d{4}-\d{2}-\d{2})$/.exec(listed.note ?? '') ?? [];
  const lasts = Date.parse(until) >= now.getTime() + DAYS_LEFT * DAY_MS;
  return form === formOf(times, config) && lasts ? 'right' : 'old';
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
