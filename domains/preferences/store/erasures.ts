import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { ErasedCounts, ErasedKind } from '../rules/erasure';

/** What has become of the erasure of a subscriber. */
export interface Erasure {
  subscriberId: PublicId;
  tenantId: PublicId;
  changeId: PublicId;
  /** The subscriber's version that it made. */
  version: number;
  /** `erasing`: who they were is gone, and what was kept elsewhere of it is going. */
  state: 'erasing' | 'done';
  counts: ErasedCounts;
  requestedBy: string;
  requestedAt: Date;
  doneAt: Date | undefined;
}

export type NewErasure = Omit<Erasure, 'state' | 'doneAt'>;

interface Row {
  subscriber_id: string;
  tenant_id: string;
  change_id: string;
  version: string;
  state: Erasure['state'];
  counts: ErasedCounts;
  requested_by: string;
  requested_at: Date;
  done_at: Date | null;
}

const COLUMNS = 'subscriber_id, tenant_id, change_id, version, state, counts, requested_by, requested_at, done_at';

/** @param leaveMs - how long its workflow is left alone before the sweep looks after it */
export async function insertErasure(db: Queryable, erasure: NewErasure, leaveMs: number): Promise<Erasure> {
  const { subscriberId, tenantId, changeId, version, counts, requestedBy, requestedAt } = erasure;
  await db.query({
    text: `INSERT INTO subscriber_erasures (subscriber_id, tenant_id, change_id, version, counts, requested_by, requested_at,
                                            due_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, now() + $8 * interval '1 millisecond')`,
    values: [
      toUuid(subscriberId),
      toUuid(tenantId),
      toUuid(changeId),
      version,
      JSON.stringify(counts),
      requestedBy,
      requestedAt,
      leaveMs,
    ],
  });
  return { ...erasure, state: 'erasing', doneAt: undefined };
}

/** Index: subscriber_erasures_pkey. */
export async function findErasure(
  db: Queryable,
  tenantId: PublicId,
  subscriberId: PublicId,
): Promise<Erasure | undefined> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM subscriber_erasures WHERE subscriber_id = $1 AND tenant_id = $2`,
    values: [toUuid(subscriberId), toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/**
 * Counts what is gone of an erased subscriber, in the transaction that takes it away, so that nothing is counted twice;
 * nothing when they are not being erased. Index: subscriber_erasures_pkey.
 */
export async function countErased(
  db: Queryable,
  subscriberId: PublicId,
  kind: ErasedKind,
  count: number,
): Promise<void> {
  if (count === 0) return;
  await db.query({
    name: 'count-erased',
    text: `UPDATE subscriber_erasures
           SET counts = counts || jsonb_build_object($2::text, coalesce((counts ->> $2)::bigint, 0) + $3::bigint)
           WHERE subscriber_id = $1`,
    values: [toUuid(subscriberId), kind, count],
  });
}

/** Marks an erasure done. @returns `undefined` when it is so already, or there is none. Index: subscriber_erasures_pkey */
export async function markErasureDone(db: Queryable, subscriberId: PublicId): Promise<Erasure | undefined> {
  const { rows } = await db.query<Row>({
    text: `UPDATE subscriber_erasures SET state = 'done', done_at = now()
           WHERE subscriber_id = $1 AND state = 'erasing' RETURNING ${COLUMNS}`,
    values: [toUuid(subscriberId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/**
 * Takes erasures that nobody attends to as it seems, and leaves them alone for a while. Index: subscriber_erasures_due.
 *
 * @param leaveMs - for how long
 */
export async function takeDueErasures(db: Queryable, leaveMs: number, limit: number): Promise<Erasure[]> {
  const { rows } = await db.query<Row>({
    text: `UPDATE subscriber_erasures SET due_at = now() + $1 * interval '1 millisecond'
           WHERE subscriber_id = ANY (ARRAY(
             SELECT subscriber_id FROM subscriber_erasures WHERE state = 'erasing' AND due_at <= now()
             ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED))
           RETURNING ${COLUMNS}`,
    values: [leaveMs, limit],
  });
  return rows.map(fromRow);
}

/** For how many seconds the oldest erasure has not been done; 0 when all are. Index: subscriber_erasures_due. */
export async function measureOpenErasures(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ seconds: number | null }>({
    text: `SELECT extract(epoch FROM now() - min(requested_at))::float8 AS seconds FROM subscriber_erasures
           WHERE state = 'erasing'`,
  });
  return Math.max(0, rows[0]?.seconds ?? 0);
}

function fromRow(row: Row): Erasure {
  return {
    subscriberId: fromUuid('sub', row.subscriber_id),
    tenantId: fromUuid('ten', row.tenant_id),
    changeId: fromUuid('prc', row.change_id),
    version: Number(row.version),
    state: row.state,
    counts: row.counts,
    requestedBy: row.requested_by,
    requestedAt: row.requested_at,
    doneAt: row.done_at ?? undefined,
  };
}
