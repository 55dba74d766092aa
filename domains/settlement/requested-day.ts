import { type Business, businessDay, lastClosedDate } from '../merchants';
import { SettlementRefusal } from './refusals';

/**
 * The date to use: by default the last one that is over.
 *
 * @throws SettlementRefusal `day-open` when it is not over yet, `before-first-day` when it lies before the first day
 */
export function closedDate(business: Business, date: string | undefined): string {
  const last = lastClosedDate(new Date(), business);
  const wanted = date ?? last;
  if (wanted > last) {
    const { end } = businessDay(wanted, business);
    const detail = `${wanted} is over at ${end.toISOString()}; the last closed day is ${last}.`;
    throw new SettlementRefusal('day-open', detail);
  }
  if (wanted < business.firstDate) {
    if (date === undefined) {
      throw new SettlementRefusal('day-open', `The first day, ${business.firstDate}, is not over.`);
    }
    const detail = `lies before the first business day, ${business.firstDate}`;
    throw new SettlementRefusal('before-first-day', detail, { field: ['date'] });
  }
  return wanted;
}
