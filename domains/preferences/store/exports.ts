import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { ExportFormat } from '../rules/export-text';

/** `expired`: its link leads nowhere any more, and it is about to be removed. */
export const EXPORT_STATES = ['collecting', 'ready', 'expired'] as const;

export type ExportState = (typeof EXPORT_STATES)[number];

/** Where the next piece of an export begins. */
export interface ExportPosition {
  part: string;
  /** The place within the part; null at its beginning. */
  after: string | null;
}

/** A copy of everything held about a subscriber. */
export interface SubscriberExport {
  id: PublicId;
  tenantId: PublicId;
  subscriberId: PublicId;
  format: ExportFormat;
  state: ExportState;
  /** Undefined before the first piece. */
  position: ExportPosition | undefined;
  pieces: number;
  /** Records by part. */
  counts: Record<string, number>;
  bytes: number;
  requestedBy: string;
  createdAt: Date;
  readyAt: Date | undefined;
  expiresAt: Date | undefined;
}

interface Row {
  id: string;
  tenant_id: string;
  subscriber_id: string;
  format: ExportFormat;
  state: ExportState;
  position: ExportPosition | null;
  pieces: number;
  counts: Record<string, number>;
  bytes: string;
  requested_by: string;
  created_at: Date;
  ready_at: Date | null;
  expires_at: Date | null;
}

const COLUMNS = `id, tenant_id, subscriber_id, format,
  CASE WHEN state = 'ready' AND expires_at <= now() THEN 'expired' ELSE state END AS state,
  position, pieces, counts, bytes, requested_by, created_at, ready_at, expires_at`;

/** The place that a piece is sealed for. */
export function piecePlace(exportId: PublicId, number: number): string {
  return `subscriber_export_pieces/${exportId}/${number}`;
}

/** @param leaveMs - how long its workflow is left alone before the sweep looks after it */
export async function insertExport(
  db: Queryable,
  wish: Pick<SubscriberExport, 'id' | 'tenantId' | 'subscriberId' | 'format' | 'requestedBy'>,
  leaveMs: number,
): Promise<void> {
  const { id, tenantId, subscriberId, format, requestedBy } = wish;
  await db.query({
    text: `INSERT INTO subscriber_exports (id, tenant_id, subscriber_id, format, requested_by, due_at)
           VALUES ($1, $2, $3, $4, $5, now() + $6 * interval '1 millisecond')`,
    values: [toUuid(id), toUuid(tenantId), toUuid(subscriberId), format, requestedBy, leaveMs],
  });
}

/** Of whatever tenant. Index: subscriber_exports_pkey. */
export async function findExport(db: Queryable, id: PublicId): Promise<SubscriberExport | undefined> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM subscriber_exports WHERE id = $1`,
    values: [toUuid(id)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Index: subscriber_exports_by_subscriber. */
export async function listExports(
  db: Queryable,
  subscriberId: PublicId,
  request: PageRequest,
): Promise<Page<SubscriberExport>> {
  const query = {
    columns: COLUMNS,
    table: 'subscriber_exports',
    index: { prefix: ['subscriber_id', toUuid(subscriberId)], key: 'id' } as const,
  };
  return mapPage(await readPage<Row>(db, query, request), fromRow);
}

/** How many exports a subscriber has. Index: subscriber_exports_by_subscriber. */
export async function countExports(db: Queryable, subscriberId: PublicId): Promise<number> {
  const { rows } = await db.query<{ count: number }>({
    text: 'SELECT count(*)::int AS count FROM subscriber_exports WHERE subscriber_id = $1',
    values: [toUuid(subscriberId)],
  });
  return rows[0]?.count ?? 0;
}

/** A piece of an export, and how the export stands with it. */
export interface ExportPiece {
  number: number;
  sealed: Buffer;
  /** Of the text, in UTF-8. */
  bytes: number;
  counts: Readonly<Record<string, number>>;
  /** Undefined when it is the last: the export is ready. */
  next: ExportPosition | undefined;
}

/**
 * Adds a piece to an export that is being collected. Index: subscriber_exports_pkey.
 *
 * @param ttlMs - how long the export can be downloaded once it is ready
 * @returns false when somebody else has added it, or the export is gone
 */
export async function appendPiece(db: Queryable, id: PublicId, piece: ExportPiece, ttlMs: number): Promise<boolean> {
  const { number, sealed, bytes, counts, next } = piece;
  const { rowCount } = await db.query({
    name: 'append-export-piece',
    text: `WITH moved AS (
             UPDATE subscriber_exports SET
               pieces = pieces + 1, bytes = bytes + $4, counts = $5, position = $6::jsonb,
               state = CASE WHEN $6::jsonb IS NULL THEN 'ready' ELSE state END,
               ready_at = CASE WHEN $6::jsonb IS NULL THEN now() END,
               expires_at = CASE WHEN $6::jsonb IS NULL THEN now() + $7 * interval '1 millisecond' END
             WHERE id = $1 AND state = 'collecting' AND pieces = $2 RETURNING id)
           INSERT INTO subscriber_export_pieces (export_id, number, sealed) SELECT id, $2, $3 FROM moved`,
    values: [
      toUuid(id),
      number,
      sealed,
      bytes,
      JSON.stringify(counts),
      next === undefined ? null : JSON.stringify(next),
      ttlMs,
    ],
  });
  return rowCount === 1;
}

/** Index: subscriber_export_pieces_pkey. */
export async function readPiece(db: Queryable, id: PublicId, number: number): Promise<Buffer | undefined> {
  const { rows } = await db.query<{ sealed: Buffer }>({
    name: 'read-export-piece',
    text: 'SELECT sealed FROM subscriber_export_pieces WHERE export_id = $1 AND number = $2',
    values: [toUuid(id), number],
  });
  return rows[0]?.sealed;
}

/** All of a subscriber's, with their pieces. Index: subscriber_exports_by_subscriber. @returns how many */
export async function deleteExports(db: Queryable, subscriberId: PublicId): Promise<number> {
  const { rowCount } = await db.query({
    text: 'DELETE FROM subscriber_exports WHERE subscriber_id = $1',
    values: [toUuid(subscriberId)],
  });
  return rowCount ?? 0;
}

/** Removes exports that have expired, with their pieces. Index: subscriber_exports_expiry. @returns how many */
export async function removeExpiredExports(db: Queryable, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    text: `DELETE FROM subscriber_exports
           WHERE id = ANY (ARRAY(
             SELECT id FROM subscriber_exports WHERE state = 'ready' AND expires_at <= now()
             ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED))`,
    values: [limit],
  });
  return rowCount ?? 0;
}

/**
 * Takes exports that are collected by nobody as it seems, and leaves them alone for a while. Index: subscriber_exports_due.
 *
 * @param leaveMs - for how long
 */
export async function takeDueExports(db: Queryable, leaveMs: number, limit: number): Promise<SubscriberExport[]> {
  const { rows } = await db.query<Row>({
    text: `UPDATE subscriber_exports SET due_at = now() + $1 * interval '1 millisecond'
           WHERE id = ANY (ARRAY(
             SELECT id FROM subscriber_exports WHERE state = 'collecting' AND due_at <= now()
             ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED))
           RETURNING ${COLUMNS}`,
    values: [leaveMs, limit],
  });
  return rows.map(fromRow);
}

function fromRow(row: Row): SubscriberExport {
  return {
    id: fromUuid('sxp', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    subscriberId: fromUuid('sub', row.subscriber_id),
    format: row.format,
    state: row.state,
    position: row.position ?? undefined,
    pieces: row.pieces,
    counts: row.counts,
    bytes: Number(row.bytes),
    requestedBy: row.requested_by,
    createdAt: row.created_at,
    readyAt: row.ready_at ?? undefined,
    expiresAt: row.expires_at ?? undefined,
  };
}
