import type { Pool } from 'pg';
import { addDays, type Business, lastClosedDate, listBusinesses } from '../merchants';
import { type RunState, settledUpTo } from './store/settlement-runs';

const PAGE = 500;

/** A business and the day of it that is settled next. */
export interface NextDayOf {
  business: Business;
  date: string;
  /** The state of its run; undefined when there is none yet. */
  state: RunState | undefined;
}

/** Every business with its next day. A page of them is read at a time, in two statements. */
export async function* nextDays(pool: Pool): AsyncGenerator<NextDayOf> {
  for (let after: Business['tenantId'] | undefined; ; ) {
    const businesses = await listBusinesses(pool, after, PAGE);
    const settled = await settledUpTo(pool, businesses);
    for (const business of businesses) {
      const { last, next } = settled.get(business.tenantId) ?? {};
      yield { business, date: last === undefined ? business.firstDate : addDays(last, 1), state: next };
    }
    after = businesses.at(-1)?.tenantId;
    if (businesses.length < PAGE) return;
  }
}

/** The next day of one business. */
export async function nextDayOf(pool: Pool, business: Business): Promise<NextDayOf> {
  const { last, next } = (await settledUpTo(pool, [business])).get(business.tenantId) ?? {};
  return { business, date: last === undefined ? business.firstDate : addDays(last, 1), state: next };
}

/** Whether the next day is over and nobody has begun with it. @throws UnknownTimeZone */
export function isDue({ business, date, state }: NextDayOf, now: Date): boolean {
  return (state === undefined || state === 'pending') && date <= lastClosedDate(now, business);
}
