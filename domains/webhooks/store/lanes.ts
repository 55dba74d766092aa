import { LANES, type Lane } from '../rules/lane';

/** The lane that is stored as this number. */
export function laneNamed(number: number): Lane {
  return LANES[number] ?? 'normal';
}

/** SQL for the lane of a delivery to the endpoint `e`, of an array with one for each tier; null for the tiers' own. */
export function laneOfTier(lanes: string): string {
  return `(coalesce(${lanes}, '{0,1,2}'))[CASE e.tier WHEN 'premium' THEN 1 WHEN 'bulk' THEN 3 ELSE 2 END]`;
}

/** An SQL condition for what is due and free of an endpoint's backlog, in one lane. */
export interface DueInBacklog {
  /** All but the lane. */
  condition: string;
  /** At most so many, of all lanes together. */
  limit: string;
  /** The numbers of the lanes, in the order in which they are taken from. */
  lanes: readonly [string, string, string];
}

/**
 * SQL for what is to be leased of a backlog: the most overdue of the first lane, then of the others as far as there is room.
 * Lane by lane, so that what is not due yet in one is not walked over. Index: deliveries_backlog_lanes.
 */
export function dueByLane({ condition, limit, lanes }: DueInBacklog): string {
  const names = lanes.map((_, place) => `lane${place}`);
  const parts = lanes.map((lane, place) => {
    const taken = names.slice(0, place).map((name) => ` - (SELECT count(*) FROM ${name})`);
    return `${names[place]} AS MATERIALIZED (
      SELECT d.id FROM deliveries d WHERE ${condition} AND d.lane = ${lane}
      ORDER BY d.next_attempt_at LIMIT ${limit}${taken.join('')}
      FOR UPDATE SKIP LOCKED)`;
  });
  return `WITH ${parts.join(', ')} ${names.map((name) => `SELECT id FROM ${name}`).join(' UNION ALL ')}`;
}
