import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { BulkCounts, BulkState } from '../rules/bulk';
import type { SuppressionReason } from '../rules/suppression';

/** A job that suppresses many addresses, as it was asked for. */
export interface NewBulk {
  id: PublicId;
  tenantId: PublicId;
  /** The idempotency key of the request: a UUID. */
  requestKey: string;
  reason: SuppressionReason;
  /** Why, in words. */
  note: string;
  /** Whether nothing is suppressed: its rows say what would become of them. */
  dryRun: boolean;
  /** The API key that asked for it. */
  actor: PublicId;
}

export interface BulkSuppression extends Omit<NewBulk, 'requestKey'> {
  state: BulkState;
  /** The command that another API key has to approve. */
  approvalId: PublicId | undefined;
  /** Rows that have arrived. */
  total: number;
  /** Rows up to this number have their result. */
  appliedTo: number;
  /** Up to this one, what follows a suppression has happened. */
  followedTo: number;
  counts: BulkCounts;
  stoppedSends: number;
  lastError: string | undefined;
  createdAt: Date;
  updatedAt: Date;
  endedAt: Date | undefined;
}

interface Row {
  id: string;
  tenant_id: string;
  state: BulkState;
  reason: SuppressionReason;
  note: string;
  dry_run: boolean;
  actor: PublicId;
  approval_id: string | null;
  total: number;
  applied_to: number;
  followed_to: number;
  added: number;
  extended: number;
  already_suppressed: number;
  invalid: number;
  refused: number;
  stopped_sends: number;
  last_error: string | null;
  created_at: Date;
  updated_at: Date;
  ended_at: Date | null;
}

const COLUMNS = `id, tenant_id, state, reason, note, dry_run, actor, approval_id, total, applied_to, followed_to, added, extended,
  already_suppressed, invalid, refused, stopped_sends, last_error, created_at, updated_at, ended_at`;

/** @returns `undefined` when the tenant has one with this key. Index: bulk_suppressions_once */
export async function insertBulk(db: Queryable, bulk: NewBulk): Promise<BulkSuppression | undefined> {
  const { id, tenantId, requestKey, reason, note, dryRun, actor } = bulk;
  return one(db, {
    text: `INSERT INTO bulk_suppressions (id, tenant_id, request_key, reason, note, dry_run, actor)
           VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant_id, request_key) DO NOTHING RETURNING ${COLUMNS}`,
    values: [toUuid(id), toUuid(tenantId), requestKey, reason, note, dryRun, actor],
  });
}

/** The one that a request has made. Index: bulk_suppressions_once. */
export function findBulkByKey(
  db: Queryable,
  tenantId: PublicId,
  requestKey: string,
): Promise<BulkSuppression | undefined> {
  return one(db, {
    text: `SELECT ${COLUMNS} FROM bulk_suppressions WHERE tenant_id = $1 AND request_key = $2`,
    values: [toUuid(tenantId), requestKey],
  });
}

/** Index: bulk_suppressions_pkey. */
export function findBulk(db: Queryable, tenantId: PublicId, id: PublicId): Promise<BulkSuppression | undefined> {
  return one(db, {
    text: `SELECT ${COLUMNS} FROM bulk_suppressions WHERE id = $1 AND tenant_id = $2`,
    values: [toUuid(id), toUuid(tenantId)],
  });
}

/** Locks one, whoever's, until the transaction ends. Index: bulk_suppressions_pkey. */
export function lockBulk(db: Queryable, id: PublicId): Promise<BulkSuppression | undefined> {
  return one(db, {
    text: `SELECT ${COLUMNS} FROM bulk_suppressions WHERE id = $1 FOR UPDATE`,
    values: [toUuid(id)],
  });
}

/** Index: bulk_suppressions_by_tenant. */
export async function listBulks(
  db: Queryable,
  tenantId: PublicId,
  { state }: { state?: BulkState | undefined },
  request: PageRequest,
): Promise<Page<BulkSuppression>> {
  const query = {
    columns: COLUMNS,
    table: 'bulk_suppressions',
    index: { prefix: ['tenant_id', toUuid(tenantId)] as const, key: 'id' },
    filter: state === undefined ? [] : [['state = ?', state] as const],
  };
  return mapPage(await readPage<Row>(db, query, request), fromRow);
}

/** How many of a tenant's have not ended, counted up to a limit. Index: bulk_suppressions_open. */
export async function countOpenBulks(db: Queryable, tenantId: PublicId, limit: number): Promise<number> {
  const { rows } = await db.query<{ count: number }>({
    text: `SELECT count(*)::int AS count
           FROM (SELECT FROM bulk_suppressions WHERE tenant_id = $1 AND ended_at IS NULL LIMIT $2) AS open`,
    values: [toUuid(tenantId), limit],
  });
  return rows[0]?.count ?? 0;
}

/** Counts rows that have arrived. @returns false when it receives none any more. Index: bulk_suppressions_pkey */
export async function countArrived(db: Queryable, id: PublicId, rows: number): Promise<boolean> {
  const { rowCount } = await db.query({
    text: `UPDATE bulk_suppressions SET total = total + $2, updated_at = now() WHERE id = $1 AND state = 'receiving'`,
    values: [toUuid(id), rows],
  });
  return rowCount === 1;
}

/** What a step adds to one that is locked, and where it leads. */
export interface BulkStep {
  state?: BulkState;
  appliedTo?: number;
  followedTo?: number;
  counts?: BulkCounts;
  stoppedSends?: number;
  approvalId?: PublicId;
  lastError?: string;
}

/** Index: bulk_suppressions_pkey. */
export async function recordBulkStep(db: Queryable, id: PublicId, step: BulkStep): Promise<BulkSuppression> {
  const { state, appliedTo, followedTo, counts, stoppedSends, approvalId, lastError } = step;
  const bulk = await one(db, {
    text: `UPDATE bulk_suppressions
           SET state = coalesce($2, state), applied_to = coalesce($3, applied_to), followed_to = coalesce($4, followed_to),
               added = added + $5, extended = extended + $6, already_suppressed = already_suppressed + $7,
               invalid = invalid + $8, refused = refused + $9, stopped_sends = stopped_sends + $10,
               approval_id = coalesce($11, approval_id), last_error = coalesce($12, last_error), updated_at = now(),
               request_key = CASE WHEN $2 = 'incomplete' THEN NULL ELSE request_key END,
               ended_at = CASE WHEN $2 IN ('incomplete', 'rejected', 'cancelled', 'completed', 'failed') THEN now()
                               ELSE ended_at END
           WHERE id = $1 RETURNING ${COLUMNS}`,
    values: [
      toUuid(id),
      state ?? null,
      appliedTo ?? null,
      followedTo ?? null,
      counts?.added ?? 0,
      counts?.extended ?? 0,
      counts?.already_suppressed ?? 0,
      counts?.invalid ?? 0,
      counts?.refused ?? 0,
      stoppedSends ?? 0,
      approvalId === undefined ? null : toUuid(approvalId),
      lastError ?? null,
    ],
  });
  if (bulk === undefined) throw new Error(`${id} is locked, and gone`);
  return bulk;
}

/** Says that a workflow attends to it for a while. Index: bulk_suppressions_pkey. */
export function attendToBulk(db: Queryable, id: PublicId, forMs: number): Promise<BulkSuppression | undefined> {
  return one(db, {
    text: `UPDATE bulk_suppressions SET attended_until = now() + $2 * interval '1 millisecond' WHERE id = $1
           RETURNING ${COLUMNS}`,
    values: [toUuid(id), forMs],
  });
}

/** Those that go on and that no workflow attends to. Index: bulk_suppressions_active. */
export async function findUnattendedBulks(
  db: Queryable,
  graceMs: number,
  limit: number,
): Promise<Pick<BulkSuppression, 'id' | 'tenantId'>[]> {
  const { rows } = await db.query<{ id: string; tenant_id: string }>({
    text: `SELECT id, tenant_id FROM bulk_suppressions
           WHERE state IN ('running', 'cancelling')
             AND (attended_until < now() OR attended_until IS NULL AND updated_at < now() - $1 * interval '1 millisecond')
           ORDER BY attended_until NULLS FIRST LIMIT $2`,
    values: [graceMs, limit],
  });
  return rows.map(({ id, tenant_id }) => ({ id: fromUuid('blk', id), tenantId: fromUuid('ten', tenant_id) }));
}

/** For how many seconds nobody has attended to one that goes on, at worst; 0 when somebody does. Index: bulk_suppressions_active. */
export async function measureStalledBulks(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ seconds: number | null }>({
    text: `SELECT max(extract(epoch FROM now() - coalesce(attended_until, updated_at)))::float8 AS seconds
           FROM bulk_suppressions
           WHERE state IN ('running', 'cancelling') AND (attended_until IS NULL OR attended_until < now())`,
  });
  return rows[0]?.seconds ?? 0;
}

/** Gives up uploads of which nothing has arrived for a while: their process is gone. Index: bulk_suppressions_receiving. */
export async function giveUpUploads(db: Queryable, quietMs: number, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    text: `UPDATE bulk_suppressions SET state = 'incomplete', request_key = NULL, ended_at = now(), updated_at = now()
           WHERE id = ANY (ARRAY(
             SELECT id FROM bulk_suppressions
             WHERE state = 'receiving' AND updated_at < now() - $1 * interval '1 millisecond'
             ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED))`,
    values: [quietMs, limit],
  });
  return rowCount ?? 0;
}

/** Those that ended before a moment, oldest first. Index: bulk_suppressions_ended. */
export async function findEndedBulks(db: Queryable, olderThanMs: number, limit: number): Promise<PublicId[]> {
  const { rows } = await db.query<{ id: string }>({
    text: `SELECT id FROM bulk_suppressions WHERE ended_at < now() - $1 * interval '1 millisecond'
           ORDER BY ended_at LIMIT $2`,
    values: [olderThanMs, limit],
  });
  return rows.map(({ id }) => fromUuid('blk', id));
}

/** Index: bulk_suppressions_pkey. */
export async function deleteBulk(db: Queryable, id: PublicId): Promise<void> {
  await db.query({
    text: 'DELETE FROM bulk_suppressions WHERE id = $1 AND ended_at IS NOT NULL',
    values: [toUuid(id)],
  });
}

async function one(db: Queryable, statement: Parameters<Queryable['query']>[0]): Promise<BulkSuppression | undefined> {
  const { rows } = await db.query<Row>(statement);
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

function fromRow(row: Row): BulkSuppression {
  const { added, extended, already_suppressed, invalid, refused } = row;
  return {
    id: fromUuid('blk', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    state: row.state,
    reason: row.reason,
    note: row.note,
    dryRun: row.dry_run,
    actor: row.actor,
    approvalId: row.approval_id === null ? undefined : fromUuid('apr', row.approval_id),
    total: row.total,
    appliedTo: row.applied_to,
    followedTo: row.followed_to,
    counts: { added, extended, already_suppressed, invalid, refused },
    stoppedSends: row.stopped_sends,
    lastError: row.last_error ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    endedAt: row.ended_at ?? undefined,
  };
}
