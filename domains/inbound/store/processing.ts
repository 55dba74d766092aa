import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { InboundRoute } from '../rules/route';
import { OVERDUE_WORKFLOW } from '../rules/workflow-names';

/** An event that somebody has the lease of. */
export interface LeasedEvent {
  id: PublicId;
  tenantId: PublicId;
  sourceId: PublicId;
  externalId: string | undefined;
  /** Tries that have ended. */
  attempts: number;
  headers: Record<string, string>;
  body: Buffer;
  receivedAt: Date;
  /** Its source's, as it is now. */
  route: InboundRoute;
}

interface Row {
  id: string;
  tenant_id: string;
  source_id: string;
  external_id: string | null;
  attempts: number;
  headers: Record<string, string>;
  body: Buffer;
  created_at: Date;
  route: InboundRoute;
}

/** How much may be leased, by whom and for how long. */
export interface LeaseTerms {
  workflowId: string;
  claim: string;
  leaseMs: number;
  limit: number;
  /** Most bytes of bodies, unless a single one has more. */
  maxBytes: number;
}

/**
 * Leases the workflow's events that are due, the most overdue first, and those that an earlier round of the workflow had and
 * did not finish: a workflow's rounds follow each other, so whoever had them is gone, or has lost them now.
 * Index: inbound_events_by_workflow.
 */
export async function leaseEvents(db: Queryable, terms: LeaseTerms): Promise<LeasedEvent[]> {
  const { rows } = await db.query<Row>({
    name: 'lease-inbound-events',
    text: `WITH due AS MATERIALIZED (
             SELECT id, body_size, next_attempt_at FROM inbound_events
             WHERE state = 'pending' AND workflow_id = $1 AND (next_attempt_at <= now() OR claim IS NOT NULL)
             ORDER BY next_attempt_at LIMIT $4 FOR UPDATE SKIP LOCKED
           ), sized AS (
             SELECT id, sum(body_size) OVER (ORDER BY next_attempt_at, id) - body_size AS before FROM due
           ), leased AS (
             UPDATE inbound_events SET claim = $2, next_attempt_at = now() + $3 * interval '1 millisecond'
             WHERE id = ANY (ARRAY(SELECT id FROM sized WHERE before < $5))
             RETURNING id, tenant_id, source_id, external_id, attempts, headers, body, created_at
           )
           SELECT l.*, s.route FROM leased l JOIN inbound_sources s ON s.id = l.source_id`,
    values: [terms.workflowId, terms.claim, terms.leaseMs, terms.limit, terms.maxBytes],
  });
  return rows.map((row) => ({
    id: fromUuid('inb', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    sourceId: fromUuid('src', row.source_id),
    externalId: row.external_id ?? undefined,
    attempts: row.attempts,
    headers: row.headers,
    body: row.body,
    receivedAt: row.created_at,
    route: row.route,
  }));
}

/** How a try to process an event ended. */
export type Outcome =
  | { state: 'processed'; messageId: PublicId | undefined }
  | { state: 'failed'; error: string }
  /** To be tried again after so many milliseconds. */
  | { state: 'pending'; error: string; delayMs: number };

/** Records outcomes of events that the caller still has the lease of. @returns of how many it has */
export async function recordOutcomes(
  db: Queryable,
  claim: string,
  outcomes: readonly { id: PublicId; outcome: Outcome }[],
): Promise<number> {
  const input = outcomes.map(({ id, outcome }) => ({
    id: toUuid(id),
    state: outcome.state,
    error: 'error' in outcome ? outcome.error : undefined,
    delay: 'delayMs' in outcome ? outcome.delayMs : undefined,
    message: 'messageId' in outcome && outcome.messageId !== undefined ? toUuid(outcome.messageId) : undefined,
  }));
  const { rowCount } = await db.query({
    name: 'record-inbound-outcomes',
    text: `UPDATE inbound_events e
           SET state = o.state, attempts = attempts + 1, last_error = o.error, claim = NULL,
               message_id = coalesce(o.message, e.message_id),
               next_attempt_at = now() + o.delay * interval '1 millisecond',
               processed_at = CASE WHEN o.state = 'processed' THEN now() END
           FROM json_to_recordset($1::json) AS o(id uuid, state text, error text, delay float8, message uuid)
           WHERE e.id = o.id AND e.claim = $2 AND e.state = 'pending'`,
    values: [JSON.stringify(input), claim],
  });
  return rowCount ?? 0;
}

/** Locks a leased event until the transaction ends. @returns false when the lease is lost */
export async function lockLeased(db: Queryable, id: PublicId, claim: string): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'lock-inbound-event',
    text: `SELECT FROM inbound_events WHERE id = $1 AND claim = $2 AND state = 'pending' FOR UPDATE`,
    values: [toUuid(id), claim],
  });
  return rowCount === 1;
}

const MOST_COUNTED = 10_000;

/** What a workflow has left: how many events, 10,000 at most, and milliseconds until the next is due. */
export async function openEvents(db: Queryable, workflowId: string): Promise<{ open: number; nextInMs: number }> {
  const { rows } = await db.query<{ open: number; next_in_ms: number | null }>({
    name: 'open-inbound-events',
    text: `SELECT (SELECT count(*)::int FROM (SELECT FROM inbound_events
                   WHERE state = 'pending' AND workflow_id = $1 LIMIT ${MOST_COUNTED}) counted) AS open,
                  (SELECT extract(epoch FROM next_attempt_at - now())::float8 * 1000 FROM inbound_events
                   WHERE state = 'pending' AND workflow_id = $1 ORDER BY next_attempt_at LIMIT 1) AS next_in_ms`,
    values: [workflowId],
  });
  return { open: rows[0]?.open ?? 0, nextInMs: Math.max(0, Math.ceil(rows[0]?.next_in_ms ?? 0)) };
}

/**
 * Gives events that have been due for longer than the grace to the workflow {@link OVERDUE_WORKFLOW}.
 * Index: inbound_events_due.
 *
 * @returns how many, `limit` at most
 */
export async function moveOverdue(db: Queryable, graceMs: number, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    text: `UPDATE inbound_events SET workflow_id = '${OVERDUE_WORKFLOW}', claim = NULL
           WHERE id = ANY (ARRAY(
             SELECT id FROM inbound_events
             WHERE state = 'pending' AND workflow_id <> '${OVERDUE_WORKFLOW}'
               AND next_attempt_at < now() - $1 * interval '1 millisecond'
             ORDER BY next_attempt_at LIMIT $2 FOR UPDATE SKIP LOCKED))`,
    values: [graceMs, limit],
  });
  return rowCount ?? 0;
}

/**
 * Makes a failed event pending again, for a workflow of its own.
 *
 * @returns false when it has not failed, or its body is forgotten
 */
export async function reopenEvent(
  db: Queryable,
  { id, tenantId, workflowId }: { id: PublicId; tenantId: PublicId; workflowId: string },
): Promise<boolean> {
  const { rowCount } = await db.query({
    text: `UPDATE inbound_events SET state = 'pending', attempts = 0, claim = NULL, next_attempt_at = now(), workflow_id = $3
           WHERE id = $1 AND tenant_id = $2 AND state = 'failed' AND body IS NOT NULL`,
    values: [toUuid(id), toUuid(tenantId), workflowId],
  });
  return rowCount === 1;
}
