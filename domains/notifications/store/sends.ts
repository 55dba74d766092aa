import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Channel } from '../../preferences';
import type { SendState } from '../rules/states';
import { OVERDUE_WORKFLOW } from '../rules/workflow-names';

/** A notification on its way to one address. */
export interface Send {
  id: PublicId;
  notificationId: PublicId;
  channel: Channel;
  destinationId: PublicId | undefined;
  state: SendState;
  /** How often it was handed over. */
  attempts: number;
  nextAttemptAt: Date | undefined;
  decision: SendDecision | undefined;
  deferredUntil: Date | undefined;
  /** What the provider calls it. */
  providerReference: string | undefined;
  lastError: string | undefined;
  createdAt: Date;
  endedAt: Date | undefined;
}

/** The last decision about a send. */
export interface SendDecision {
  decision: 'allow' | 'deny' | 'defer';
  rule: string;
  level: string;
  recordId: string | undefined;
  reason: string | undefined;
  preferenceVersion: number;
  decidedAt: Date;
}

interface Row {
  id: string;
  notification_id: string;
  channel: Channel;
  destination_id: string | null;
  state: SendState;
  attempts: number;
  next_attempt_at: Date | null;
  decision: SendDecision['decision'] | null;
  rule: string | null;
  level: string | null;
  record_id: string | null;
  reason: string | null;
  preference_version: string | null;
  decided_at: Date | null;
  deferred_until: Date | null;
  provider_reference: string | null;
  last_error: string | null;
  created_at: Date;
  ended_at: Date | null;
}

const COLUMNS = `id, notification_id, channel, destination_id, state, attempts, next_attempt_at, decision, rule, level,
  record_id, reason, preference_version, decided_at, deferred_until, provider_reference, last_error, created_at, ended_at`;

/** The sends of notifications, by notification. Index: sends_by_notification. */
export async function sendsOf(db: Queryable, notificationIds: readonly PublicId[]): Promise<Map<PublicId, Send[]>> {
  const sends = new Map<PublicId, Send[]>(notificationIds.map((id) => [id, []]));
  if (notificationIds.length === 0) return sends;
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM sends WHERE notification_id = ANY ($1) ORDER BY notification_id, id`,
    values: [notificationIds.map(toUuid)],
  });
  for (const row of rows) sends.get(fromUuid('ntf', row.notification_id))?.push(fromRow(row));
  return sends;
}

/** Ids of the workflow's sends that are due, the most overdue first. Index: sends_by_workflow. */
export async function dueSends(db: Queryable, workflowId: string, limit: number): Promise<DueSend[]> {
  const { rows } = await db.query<{ id: string; tenant_id: string; channel: Channel }>({
    name: 'due-sends',
    text: `SELECT id, tenant_id, channel FROM sends
           WHERE state IN ('pending', 'sending') AND workflow_id = $1 AND next_attempt_at <= now()
           ORDER BY next_attempt_at LIMIT $2`,
    values: [workflowId, limit],
  });
  return rows.map(({ id, tenant_id, channel }) => ({
    id: fromUuid('snd', id),
    tenantId: fromUuid('ten', tenant_id),
    channel,
  }));
}

/** A send that may be handed over, if nobody else does. */
export interface DueSend {
  id: PublicId;
  tenantId: PublicId;
  channel: Channel;
}

const MOST_COUNTED = 10_000;

/** What a workflow has left: how many sends, 10,000 at most, and milliseconds until the next is due. */
export async function openSends(db: Queryable, workflowId: string): Promise<{ open: number; nextInMs: number }> {
  const open = `state IN ('pending', 'sending') AND workflow_id = $1`;
  const { rows } = await db.query<{ open: number; next_in_ms: number | null }>({
    name: 'open-sends',
    text: `SELECT (SELECT count(*)::int FROM (SELECT FROM sends WHERE ${open} LIMIT ${MOST_COUNTED}) counted) AS open,
                  (SELECT extract(epoch FROM next_attempt_at - now())::float8 * 1000 FROM sends
                   WHERE ${open} ORDER BY next_attempt_at LIMIT 1) AS next_in_ms`,
    values: [workflowId],
  });
  return { open: rows[0]?.open ?? 0, nextInMs: Math.max(0, Math.ceil(rows[0]?.next_in_ms ?? 0)) };
}

/**
 * Gives sends that have been due for longer than the grace to the workflow {@link OVERDUE_WORKFLOW}. Index: sends_due.
 *
 * @returns how many, `limit` at most
 */
export async function moveOverdue(db: Queryable, graceMs: number, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    text: `UPDATE sends SET workflow_id = '${OVERDUE_WORKFLOW}'
           WHERE id = ANY (ARRAY(
             SELECT id FROM sends
             WHERE state IN ('pending', 'sending') AND workflow_id <> '${OVERDUE_WORKFLOW}'
               AND next_attempt_at < now() - $1 * interval '1 millisecond'
             ORDER BY next_attempt_at LIMIT $2 FOR UPDATE SKIP LOCKED))`,
    values: [graceMs, limit],
  });
  return rowCount ?? 0;
}

/**
 * Ends a notification's sends that are still pending; one that is handed over is not called back.
 *
 * @returns how many
 */
export async function cancelSends(db: Queryable, notificationId: PublicId): Promise<number> {
  const { rowCount } = await db.query({
    text: `UPDATE sends SET state = 'cancelled', next_attempt_at = NULL, claim = NULL, ended_at = now()
           WHERE notification_id = $1 AND state = 'pending'`,
    values: [toUuid(notificationId)],
  });
  return rowCount ?? 0;
}

/** Of these subscribers, those with pending sends. Index: sends_pending_by_subscriber. */
export async function withPending(db: Queryable, subscriberIds: readonly PublicId[]): Promise<PublicId[]> {
  const { rows } = await db.query<{ id: string }>({
    text: `SELECT who.id FROM unnest($1::uuid[]) AS who(id)
           WHERE EXISTS (SELECT FROM sends s WHERE s.subscriber_id = who.id AND s.state = 'pending')`,
    values: [subscriberIds.map(toUuid)],
  });
  return rows.map(({ id }) => fromUuid('sub', id));
}

/** A subscriber's sends that are pending, from one on. Index: sends_pending_by_subscriber. */
export async function pendingOf(
  db: Queryable,
  subscriberId: PublicId,
  after: PublicId | undefined,
  limit: number,
): Promise<PublicId[]> {
  const { rows } = await db.query<{ id: string }>({
    text: `SELECT id FROM sends WHERE subscriber_id = $1 AND state = 'pending' AND ($2::uuid IS NULL OR id > $2)
           ORDER BY id LIMIT $3`,
    values: [toUuid(subscriberId), after === undefined ? null : toUuid(after), limit],
  });
  return rows.map(({ id }) => fromUuid('snd', id));
}

function fromRow(row: Row): Send {
  const { decision, rule, level, preference_version: version, decided_at: decidedAt } = row;
  const decided = decision !== null && rule !== null && level !== null && version !== null && decidedAt !== null;
  return {
    id: fromUuid('snd', row.id),
    notificationId: fromUuid('ntf', row.notification_id),
    channel: row.channel,
    destinationId: row.destination_id === null ? undefined : fromUuid('dst', row.destination_id),
    state: row.state,
    attempts: row.attempts,
    nextAttemptAt: row.next_attempt_at ?? undefined,
    decision: decided
      ? {
          decision,
          rule,
          level,
          recordId: row.record_id ?? undefined,
          reason: row.reason ?? undefined,
          preferenceVersion: Number(version),
          decidedAt,
        }
      : undefined,
    deferredUntil: row.deferred_until ?? undefined,
    providerReference: row.provider_reference ?? undefined,
    lastError: row.last_error ?? undefined,
    createdAt: row.created_at,
    endedAt: row.ended_at ?? undefined,
  };
}
