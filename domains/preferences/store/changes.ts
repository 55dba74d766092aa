import { fromUuid, type PublicId, toUuid, uuidFloor } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { ChangeKind } from '../rules/change';
import type { Channel } from '../rules/channels';
import type { ChoiceChange } from '../rules/choices';
import type { QuietHours } from '../rules/quiet-hours';
import type { SuppressionReason } from '../rules/suppression';

/** What a change was, for its event. */
export interface ChangeSummary {
  choices?: ChoiceChange[];
  /** Absent when they were left; null when they were taken away. */
  quietHours?: QuietHours | null;
  /** Of a suppression. */
  channel?: Channel;
  scope?: string;
  reason?: SuppressionReason;
}

export type RecordedKind = ChangeKind | 'suppressed' | 'lifted' | 'expiry' | 'erased';

/** A change that has happened, of a subscriber's preferences or of a suppression. */
export interface PreferenceChange {
  id: PublicId;
  tenantId: PublicId;
  subscriberId: PublicId | undefined;
  suppressionId: PublicId | undefined;
  kind: RecordedKind;
  /** The subscriber's version after it. */
  version: number | undefined;
  summary: ChangeSummary;
  /** The place of its entry in the subscriber's consent log, of which the audit log is to be told when it is concluded. */
  consentSeq: number | undefined;
  state: 'open' | 'done';
  createdAt: Date;
}

export type NewChange = Omit<PreferenceChange, 'state' | 'createdAt' | 'consentSeq'> & { consentSeq?: number };

interface Row {
  id: string;
  tenant_id: string;
  subscriber_id: string | null;
  suppression_id: string | null;
  kind: RecordedKind;
  version: string | null;
  summary: ChangeSummary;
  consent_seq: string | null;
  state: 'open' | 'done';
  created_at: Date;
}

const COLUMNS = 'id, tenant_id, subscriber_id, suppression_id, kind, version, summary, consent_seq, state, created_at';

/**
 * Records a change, of which what follows is open.
 *
 * @param leaveMs - how long its workflow is left alone before the sweep looks after it
 */
export async function insertChange(db: Queryable, change: NewChange, leaveMs: number): Promise<void> {
  const { id, tenantId, subscriberId, suppressionId, kind, version, summary, consentSeq } = change;
  await db.query({
    text: `INSERT INTO preference_changes
             (id, tenant_id, subscriber_id, suppression_id, kind, version, summary, consent_seq, due_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp() + $9 * interval '1 millisecond')`,
    values: [
      toUuid(id),
      toUuid(tenantId),
      subscriberId === undefined ? null : toUuid(subscriberId),
      suppressionId === undefined ? null : toUuid(suppressionId),
      kind,
      version,
      JSON.stringify(summary),
      consentSeq ?? null,
      leaveMs,
    ],
  });
}

/** Index: preference_changes_pkey. */
export async function findChange(db: Queryable, id: PublicId): Promise<PreferenceChange | undefined> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM preference_changes WHERE id = $1`,
    values: [toUuid(id)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** A subscriber's own changes, by id. Index: preference_changes_by_subscriber. */
export async function changesOf(
  db: Queryable,
  subscriberId: PublicId,
  after: string | undefined,
  limit: number,
): Promise<PreferenceChange[]> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM preference_changes
           WHERE subscriber_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT $3`,
    values: [toUuid(subscriberId), after ?? null, limit],
  });
  return rows.map(fromRow);
}

/** Marks a change done. @returns false when it is done already. Index: preference_changes_pkey */
export async function concludeChange(db: Queryable, id: PublicId): Promise<boolean> {
  const { rowCount } = await db.query({
    text: `UPDATE preference_changes SET state = 'done', done_at = now() WHERE id = $1 AND state = 'open'`,
    values: [toUuid(id)],
  });
  return rowCount === 1;
}

/**
 * Takes open changes that are due, and leaves them alone for a while. Index: preference_changes_due.
 *
 * @param leaveMs - for how long
 */
export async function takeDueChanges(db: Queryable, leaveMs: number, limit: number): Promise<PreferenceChange[]> {
  const { rows } = await db.query<Row>({
    text: `UPDATE preference_changes SET due_at = now() + $1 * interval '1 millisecond'
           WHERE id = ANY (ARRAY(
             SELECT id FROM preference_changes WHERE state = 'open' AND due_at <= now()
             ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED))
           RETURNING ${COLUMNS}`,
    values: [leaveMs, limit],
  });
  return rows.map(fromRow);
}

/** Removes changes from before a moment that are done. Index: preference_changes_done. @returns how many */
export async function removeChanges(db: Queryable, beforeMs: number, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    text: `DELETE FROM preference_changes
           WHERE id = ANY (ARRAY(
             SELECT id FROM preference_changes WHERE state = 'done' AND id < $1 ORDER BY id LIMIT $2))
             AND state = 'done'`,
    values: [uuidFloor(beforeMs), limit],
  });
  return rowCount ?? 0;
}

/** The oldest open change: for how many seconds it has been due; 0 when none is. Index: preference_changes_due. */
export async function measureOverdueChanges(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ seconds: number | null }>({
    text: `SELECT extract(epoch FROM now() - due_at)::float8 AS seconds FROM preference_changes
           WHERE state = 'open' AND due_at <= now() ORDER BY due_at LIMIT 1`,
  });
  return rows[0]?.seconds ?? 0;
}

/**
 * The subscribers whom a change concerns: its own, or those with the address of its suppression. Indexes:
 * preference_changes_pkey, suppressions_pkey, destinations_by_address.
 *
 * @param after - the last of the page before
 */
export async function readConcerned(
  db: Queryable,
  changeId: PublicId,
  after: PublicId | undefined,
  limit: number,
): Promise<PublicId[]> {
  const { rows } = await db.query<{ id: string }>({
    text: `SELECT DISTINCT who.id FROM (
             SELECT c.subscriber_id AS id FROM preference_changes c WHERE c.id = $1 AND c.subscriber_id IS NOT NULL
             UNION ALL
             SELECT d.subscriber_id FROM preference_changes c
             JOIN suppressions s ON s.id = c.suppression_id
             JOIN destinations d
               ON d.tenant_id = s.tenant_id AND d.channel = s.channel AND d.address_hash = s.address_hash
             WHERE c.id = $1) AS who
           WHERE $2::uuid IS NULL OR who.id > $2 ORDER BY who.id LIMIT $3`,
    values: [toUuid(changeId), after === undefined ? null : toUuid(after), limit],
  });
  return rows.map(({ id }) => fromUuid('sub', id));
}

function fromRow(row: Row): PreferenceChange {
  return {
    id: fromUuid('prc', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    subscriberId: row.subscriber_id === null ? undefined : fromUuid('sub', row.subscriber_id),
    suppressionId: row.suppression_id === null ? undefined : fromUuid('sup', row.suppression_id),
    kind: row.kind,
    version: row.version === null ? undefined : Number(row.version),
    summary: row.summary,
    consentSeq: row.consent_seq === null ? undefined : Number(row.consent_seq),
    state: row.state,
    createdAt: row.created_at,
  };
}
