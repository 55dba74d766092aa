import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { ownsEndpoint } from './endpoints';
import { idRange, type TimeRange } from './message-reads';

/** How many open dead letters have something in common, and since when the oldest has been there. */
export interface DeadLetterCount<T> {
  value: T;
  count: number;
  oldestAt: Date;
}

export interface DeadLetterStats {
  /** Open dead letters, counted up to {@link MOST_COUNTED}, newest first. */
  open: number;
  /** Whether all were counted. */
  complete: boolean;
  /** Absent when there are none. */
  oldestAt?: Date | undefined;
  byReason: DeadLetterCount<string>[];
  /** Those with most first, {@link MOST_LISTED} of them; so are the event types. */
  byEndpoint: DeadLetterCount<PublicId>[];
  byEventType: DeadLetterCount<string>[];
  /** The latest hours in which there were any, newest first. */
  byHour: DeadLetterCount<Date>[];
}

/** What one request looks at: about a second. */
const MOST_COUNTED = 1_000_000;
const MOST_LISTED = 20;
const MOST_HOURS = 168;

interface Row {
  what: 'all' | 'reason' | 'endpoint' | 'event_type' | 'hour';
  value: string | null;
  count: number;
  oldest: Date | null;
}

/**
 * Counts a tenant's open dead letters by what they have in common, in one walk over an index; the tenant's has all that is
 * needed. A million take 0.6 s.
 * Index: dead_letters_open_by_endpoint for one endpoint, else dead_letters_open_by_tenant.
 */
export async function readDeadLetterStats(
  db: Queryable,
  tenantId: PublicId,
  filter: TimeRange & { endpointId?: PublicId | undefined },
): Promise<DeadLetterStats> {
  const { endpointId } = filter;
  const stats: DeadLetterStats = {
    open: 0,
    complete: true,
    oldestAt: undefined,
    byReason: [],
    byEndpoint: [],
    byEventType: [],
    byHour: [],
  };
  if (endpointId !== undefined && !(await ownsEndpoint(db, tenantId, endpointId))) return stats;
  const [column, scope] = endpointId === undefined ? ['tenant_id', tenantId] : ['endpoint_id', endpointId];
  const { from = '0'.repeat(32), before = 'f'.repeat(32) } = idRange(filter);
  const { rows } = await db.query<Row>({
    name: `dead-letter-stats-${column}`,
    text: `WITH grouped AS (
             SELECT CASE grouping(reason, endpoint_id, event_type, hour)
                      WHEN 7 THEN 'reason' WHEN 11 THEN 'endpoint' WHEN 13 THEN 'event_type' WHEN 14 THEN 'hour'
                      ELSE 'all' END AS what,
                    coalesce(reason, endpoint_id::text, event_type, to_char(hour, 'YYYY-MM-DD"T"HH24":00:00Z"')) AS value,
                    count(*)::int AS count, min(created_at) AS oldest
             FROM (SELECT reason, endpoint_id, event_type, created_at,
                          date_trunc('hour', created_at AT TIME ZONE 'UTC') AS hour
                   FROM dead_letters
                   WHERE state = 'open' AND (${column}, place) >= ($1, $2::uuid) AND (${column}, place) < ($1, $3::uuid)
                   ORDER BY ${column} DESC, place DESC LIMIT $4) seen
             GROUP BY GROUPING SETS ((reason), (endpoint_id), (event_type), (hour), ())
           ), ranked AS (
             SELECT *, row_number() OVER (
               PARTITION BY what ORDER BY CASE WHEN what = 'hour' THEN value END DESC, count DESC, value) AS place
             FROM grouped
           )
           SELECT what, value, count, oldest FROM ranked
           WHERE place <= CASE WHEN what = 'hour' THEN $6::int ELSE $5::int END
           ORDER BY what, place`,
    values: [toUuid(scope ?? ''), from, before, MOST_COUNTED + 1, MOST_LISTED, MOST_HOURS],
  });
  for (const { what, value, count, oldest } of rows) {
    if (oldest === null) continue;
    if (what === 'all') Object.assign(stats, { open: count, oldestAt: oldest });
    if (value === null) continue;
    const counted = { count, oldestAt: oldest };
    if (what === 'reason') stats.byReason.push({ value, ...counted });
    if (what === 'endpoint') stats.byEndpoint.push({ value: fromUuid('ep', value), ...counted });
    if (what === 'event_type') stats.byEventType.push({ value, ...counted });
    if (what === 'hour') stats.byHour.push({ value: new Date(value), ...counted });
  }
  stats.complete = stats.open <= MOST_COUNTED;
  stats.open = Math.min(stats.open, MOST_COUNTED);
  return stats;
}
