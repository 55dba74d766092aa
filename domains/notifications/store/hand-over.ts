import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Channel, Decision } from '../../preferences';
import type { SendEnd } from '../rules/states';

/** A send that the caller has locked, with what it takes to decide about it and to send it. */
export interface LockedSend {
  id: PublicId;
  notificationId: PublicId;
  tenantId: PublicId;
  subscriberId: PublicId;
  channel: Channel;
  destinationId: PublicId | undefined;
  topic: string | undefined;
  category: string | undefined;
  contentSealed: Buffer | undefined;
  attempts: number;
  workflowId: string;
  /** Whether quiet hours have put it off. */
  deferred: boolean;
}

interface Row {
  id: string;
  notification_id: string;
  tenant_id: string;
  subscriber_id: string;
  channel: Channel;
  destination_id: string | null;
  topic: string | null;
  category: string | null;
  content_sealed: Buffer | null;
  attempts: number;
  workflow_id: string;
  deferred: boolean;
}

/** Which sends may be locked: one that is due, or whose time is not waited for. */
const WHEN = {
  due: `s.state IN ('pending', 'sending') AND s.next_attempt_at <= now()`,
  pending: `s.state = 'pending'`,
} as const;

/**
 * Locks a send until the transaction ends. Its subscriber is locked after it, never before.
 *
 * @returns `undefined` when it is not so, or somebody else has it
 */
export async function lockSend(db: Queryable, id: PublicId, when: keyof typeof WHEN): Promise<LockedSend | undefined> {
  const { rows } = await db.query<Row>({
    name: `lock-send-${when}`,
    text: `SELECT s.id, s.notification_id, s.tenant_id, s.subscriber_id, s.channel, s.destination_id, n.topic, n.category,
                  n.content_sealed, s.attempts, s.workflow_id, s.deferred_until IS NOT NULL AS deferred
           FROM sends s JOIN notifications n ON n.id = s.notification_id
           WHERE s.id = $1 AND ${WHEN[when]} FOR UPDATE OF s SKIP LOCKED`,
    values: [toUuid(id)],
  });
  const [row] = rows;
  if (row === undefined) return undefined;
  return {
    id: fromUuid('snd', row.id),
    notificationId: fromUuid('ntf', row.notification_id),
    tenantId: fromUuid('ten', row.tenant_id),
    subscriberId: fromUuid('sub', row.subscriber_id),
    channel: row.channel,
    destinationId: row.destination_id === null ? undefined : fromUuid('dst', row.destination_id),
    topic: row.topic ?? undefined,
    category: row.category ?? undefined,
    contentSealed: row.content_sealed ?? undefined,
    attempts: row.attempts,
    workflowId: row.workflow_id,
    deferred: row.deferred,
  };
}

/** What a decision makes of a send. */
export type Step =
  /** Handed over: whoever has the claim sends it, and says so before the lease ends. */
  | { state: 'sending'; claim: string; leaseMs: number; handOffMs: number }
  /** Sent by the transaction itself. */
  | { state: 'sent'; reference: string | undefined; handOffMs: number }
  | { state: 'suppressed' }
  /** It was allowed, and cannot be sent all the same. */
  | { state: 'failed'; error: string }
  /** To be decided about again; quiet hours end then. */
  | { state: 'pending'; at: Date; deferred: boolean };

/** Records a decision about a send that is locked, and what it makes of it. `decided_at` is read before the commit. */
export async function recordDecision(db: Queryable, send: LockedSend, decision: Decision, step: Step): Promise<void> {
  const ends = step.state !== 'sending' && step.state !== 'pending';
  await db.query({
    name: 'record-send-decision',
    text: `WITH moved AS (
             UPDATE sends SET
               state = $2, claim = $3, decisions = decisions + 1, attempts = attempts + $4,
               next_attempt_at = CASE WHEN $5::float8 IS NOT NULL THEN now() + $5::float8 * interval '1 millisecond'
                                      ELSE $6::timestamptz END,
               decision = $7, rule = $8, level = $9, record_id = $10, reason = $11, preference_version = $12,
               decided_at = clock_timestamp(), deferred_until = $13, provider_reference = coalesce($14, provider_reference),
               last_error = coalesce($17, last_error), ended_at = CASE WHEN $15 THEN clock_timestamp() END
             WHERE id = $1 RETURNING *)
           INSERT INTO send_decisions (send_id, number, tenant_id, subscriber_id, decision, rule, level, record_id, reason,
                                       version, decided_at, hand_off_until)
           SELECT id, decisions, tenant_id, subscriber_id, decision, rule, level, record_id, reason, preference_version,
                  decided_at, decided_at + $16 * interval '1 millisecond' FROM moved`,
    values: [
      toUuid(send.id),
      step.state,
      step.state === 'sending' ? step.claim : null,
      step.state === 'sending' || step.state === 'sent' ? 1 : 0,
      step.state === 'sending' ? step.leaseMs : null,
      step.state === 'pending' ? step.at : null,
      decision.decision,
      decision.rule,
      decision.level,
      decision.recordId,
      decision.reason,
      decision.version,
      step.state === 'pending' && step.deferred ? step.at : null,
      step.state === 'sent' ? step.reference : null,
      ends,
      'handOffMs' in step ? step.handOffMs : null,
      step.state === 'failed' ? step.error : null,
    ],
  });
}

/** What became of a send that was handed over. */
export type Outcome =
  | { state: Extract<SendEnd, 'sent'>; reference: string | undefined }
  | { state: Extract<SendEnd, 'failed'>; error: string }
  /** To be decided about, and tried, again; `tried` says whether it began on the wire at all. */
  | { state: 'pending'; error: string | undefined; delayMs: number; tried: boolean };

/** Records it. @returns false when the lease was lost meanwhile */
export async function recordOutcome(db: Queryable, id: PublicId, claim: string, outcome: Outcome): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'record-send-outcome',
    text: `UPDATE sends SET state = $3, claim = NULL, provider_reference = coalesce($4, provider_reference), last_error = $5,
                  next_attempt_at = now() + $6::float8 * interval '1 millisecond', attempts = attempts - $7,
                  ended_at = CASE WHEN $3 <> 'pending' THEN now() END
           WHERE id = $1 AND claim = $2 AND state = 'sending'`,
    values: [
      toUuid(id),
      claim,
      outcome.state,
      outcome.state === 'sent' ? outcome.reference : null,
      'error' in outcome ? outcome.error : null,
      outcome.state === 'pending' ? outcome.delayMs : null,
      outcome.state === 'pending' && !outcome.tried ? 1 : 0,
    ],
  });
  return rowCount === 1;
}

/** What became of a send that is due and could not even be decided about, since nothing could have been sent. */
export type Setback = { state: 'failed'; error: string } | { state: 'pending'; error: string; delayMs: number };

/** Records it, as a try. @returns false when it is not due any more */
export async function recordSetback(db: Queryable, id: PublicId, setback: Setback): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'record-send-setback',
    text: `UPDATE sends SET state = $2, claim = NULL, attempts = attempts + 1, last_error = $3,
                  next_attempt_at = now() + $4::float8 * interval '1 millisecond',
                  ended_at = CASE WHEN $2 <> 'pending' THEN now() END
           WHERE id = $1 AND state IN ('pending', 'sending') AND next_attempt_at <= now()`,
    values: [toUuid(id), setback.state, setback.error, setback.state === 'pending' ? setback.delayMs : null],
  });
  return rowCount === 1;
}

/** How often a send was handed over, or could not be. */
export async function attemptsOf(db: Queryable, id: PublicId): Promise<number> {
  const { rows } = await db.query<{ attempts: number }>({
    name: 'attempts-of-send',
    text: 'SELECT attempts FROM sends WHERE id = $1',
    values: [toUuid(id)],
  });
  return rows[0]?.attempts ?? 0;
}

/** Makes a send due at once that quiet hours had put off. It is locked. */
export async function makeSendDue(db: Queryable, id: PublicId): Promise<void> {
  await db.query({
    text: `UPDATE sends SET next_attempt_at = now(), deferred_until = NULL WHERE id = $1 AND state = 'pending'`,
    values: [toUuid(id)],
  });
}
