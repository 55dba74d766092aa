import { type PublicId, toUuid, uuidFloor } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { type ReplayFilter, typesOf } from '../rules/replay-filter';
import { statusesOf } from './dead-letter-reads';
import type { ReplayAction, ReplaySource } from './replays';

/** What is walked over: the deliveries of an endpoint, or the dead letters of an endpoint or tenant. */
export interface Selection {
  action: ReplayAction;
  source: ReplaySource;
  /** An endpoint, or the tenant. */
  scope: { column: 'endpoint_id' | 'tenant_id'; id: PublicId };
  filter: ReplayFilter;
  /** What has changed since then is another's work; undefined for now. */
  askedAt: Date | undefined;
}

/** An entry of a slice. */
export interface Candidate {
  /** Its place in the walk. */
  key: string;
  deliveryId: string;
  matches: boolean;
}

const LAST = 'f'.repeat(32);

/** Where a walk begins: just before the first key that it may have. */
function beginning({ since }: ReplayFilter): string {
  if (since === undefined) return '0'.repeat(32);
  return (BigInt(`0x${uuidFloor(new Date(since).getTime())}`) - 1n).toString(16).padStart(32, '0');
}

/**
 * The next entries of a walk in the order of their keys, matching or not, so that a page costs the same whatever the filter
 * says. Index: deliveries_dead or deliveries_by_endpoint; dead_letters_open_by_endpoint or dead_letters_open_by_tenant.
 *
 * @param after - the key of the last entry of the page before
 */
export async function readSlice(
  db: Queryable,
  selection: Selection,
  after: string | undefined,
  limit: number,
): Promise<Candidate[]> {
  const { scope, filter, askedAt } = selection;
  const types = typesOf(filter);
  const statuses = filter.statusClass === undefined ? undefined : statusesOf(filter.statusClass);
  const { rows } = await db.query<{ key: string; delivery_id: string; matches: boolean }>({
    text: selection.source === 'deliveries' ? ofDeliveries(selection) : ofDeadLetters(selection),
    values: [
      toUuid(scope.id),
      after ?? beginning(filter),
      filter.until === undefined ? LAST : uuidFloor(new Date(filter.until).getTime()),
      limit,
      askedAt,
      types === undefined ? null : types.exact,
      types === undefined ? null : types.prefixes,
      ...(selection.source === 'deliveries'
        ? [filter.states]
        : [filter.reason, filter.statusClass, statuses?.[0] ?? 0, statuses?.[1] ?? 0]),
    ],
  });
  return rows.map((row) => ({ key: row.key, deliveryId: row.delivery_id, matches: row.matches }));
}

const typeMatches = (column: string) =>
  `($6::text[] IS NULL OR ${column} = ANY ($6::text[])
    OR EXISTS (SELECT FROM unnest($7::text[]) AS prefix WHERE starts_with(${column}, prefix)))`;

/** As the index `deliveries_dead` says it. */
export const isDead = (table: string) => `${table}.state = 'dead' AND ${table}.attempts_before >= 0`;

const HAS_CONTENT = 'm.body IS NOT NULL AND (m.content_expires_at IS NULL OR m.content_expires_at > now())';
const HAS_OPEN_LETTER = "EXISTS (SELECT FROM dead_letters l WHERE l.delivery_id = d.id AND l.state = 'open')";

function ofDeliveries({ filter }: Selection): string {
  const onlyDead = filter.states.every((state) => state === 'dead' || state === 'discarded');
  return `SELECT d.id AS key, d.id AS delivery_id, coalesce(
      d.updated_at < coalesce($5::timestamptz, now()) AND ${typeMatches('d.event_type')} AND ${HAS_CONTENT}
      AND CASE d.state WHEN 'dead' THEN CASE WHEN ${HAS_OPEN_LETTER} THEN 'dead' ELSE 'discarded' END = ANY ($8::text[])
                       WHEN 'retrying' THEN 'retrying' = ANY ($8::text[]) AND (d.claim IS NULL OR d.next_attempt_at <= now())
                       ELSE d.state = ANY ($8::text[]) END, false) AS matches
    FROM deliveries d LEFT JOIN messages m ON m.id = d.message_id
    WHERE (d.endpoint_id, d.id) > ($1, $2::uuid) AND (d.endpoint_id, d.id) < ($1, $3::uuid)
      ${onlyDead ? `AND ${isDead('d')}` : ''}
    ORDER BY d.endpoint_id, d.id LIMIT $4`;
}

function ofDeadLetters({ action, scope: { column } }: Selection): string {
  const content = action === 'replay' ? `AND ${HAS_CONTENT}` : '';
  const messages = action === 'replay' ? 'LEFT JOIN messages m ON m.id = l.message_id' : '';
  return `SELECT l.place AS key, l.delivery_id, coalesce(
      l.created_at < coalesce($5::timestamptz, now()) AND ${typeMatches('l.event_type')} ${content}
      AND ($8::text IS NULL OR l.reason = $8)
      AND CASE WHEN $9::text IS NULL THEN true WHEN $9 = 'none' THEN l.last_status IS NULL
               ELSE l.last_status >= $10::int AND l.last_status < $11::int END, false) AS matches
    FROM dead_letters l ${messages}
    WHERE (l.${column}, l.place) > ($1, $2::uuid) AND (l.${column}, l.place) < ($1, $3::uuid) AND l.state = 'open'
    ORDER BY l.${column}, l.place LIMIT $4`;
}
