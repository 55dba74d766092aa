import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { BulkResult } from '../rules/bulk';
import type { Channel } from '../rules/channels';
import type { HashedAddress } from './destinations';

/** A row of a bulk suppression, as it has arrived. */
export interface NewBulkRow {
  /** From 1. */
  number: number;
  /** Undefined where it is none that there is. */
  channel: Channel | undefined;
  /** Undefined for an address that is none. */
  addressHash: Buffer | undefined;
  /** By the keyring. */
  addressSealed: Buffer | undefined;
  /** `*`, or the key of a category; undefined where it is neither. */
  scope: string | undefined;
  /** To the second; undefined for never. */
  expiresAt: Date | undefined;
  /** What is wrong with it; undefined when it can be tried. */
  problem: string | undefined;
}

export interface StoredBulkRow extends NewBulkRow {
  bulkId: PublicId;
  /** Undefined until it is done. */
  result: BulkResult | undefined;
  /** The suppression that it is now, or was before. */
  suppressionId: PublicId | undefined;
}

interface Row {
  bulk_id: string;
  number: number;
  channel: Channel | null;
  address_hash: Buffer | null;
  address_sealed: Buffer | null;
  scope: string | null;
  expires_at: Date | null;
  result: BulkResult | null;
  problem: string | null;
  suppression_id: string | null;
}

const COLUMNS =
  'bulk_id, number, channel, address_hash, address_sealed, scope, expires_at, result, problem, suppression_id';

/** The place that a row's address is sealed for. */
export function bulkRowPlace(bulkId: PublicId, number: number): string {
  return `bulk_suppression_rows/${bulkId}/${number}`;
}

/** Index: bulk_suppression_rows_pkey. */
export async function insertBulkRows(
  db: Queryable,
  { id, tenantId }: { id: PublicId; tenantId: PublicId },
  rows: readonly NewBulkRow[],
): Promise<void> {
  await db.query({
    name: 'bulk-rows-insert',
    text: `INSERT INTO bulk_suppression_rows (bulk_id, tenant_id, number, channel, address_hash, address_sealed, scope,
                                              expires_at, problem)
           SELECT $1, $2, * FROM unnest($3::int[], $4::text[], $5::bytea[], $6::bytea[], $7::text[], $8::timestamptz[], $9::text[])`,
    values: [
      toUuid(id),
      toUuid(tenantId),
      rows.map(({ number }) => number),
      rows.map(({ channel }) => channel ?? null),
      rows.map(({ addressHash }) => addressHash ?? null),
      rows.map(({ addressSealed }) => addressSealed ?? null),
      rows.map(({ scope }) => scope ?? null),
      rows.map(({ expiresAt }) => expiresAt ?? null),
      rows.map(({ problem }) => problem ?? null),
    ],
  });
}

/** The rows after a number, which have no gaps. Index: bulk_suppression_rows_pkey. */
export async function readBulkRows(
  db: Queryable,
  bulkId: PublicId,
  after: number,
  limit: number,
): Promise<StoredBulkRow[]> {
  const { rows } = await db.query<Row>({
    name: 'bulk-rows-walk',
    text: `SELECT ${COLUMNS} FROM bulk_suppression_rows
           WHERE bulk_id = $1 AND number > $2 AND number <= $3 ORDER BY number`,
    values: [toUuid(bulkId), after, after + limit],
  });
  return rows.map(fromRow);
}

/** The addresses of rows between two numbers that have changed something. Index: bulk_suppression_rows_pkey. */
export async function changedAddresses(
  db: Queryable,
  bulkId: PublicId,
  { after, upTo }: { after: number; upTo: number },
): Promise<HashedAddress[]> {
  const { rows } = await db.query<{ channel: Channel; address_hash: Buffer }>({
    text: `SELECT channel, address_hash FROM bulk_suppression_rows
           WHERE bulk_id = $1 AND number > $2 AND number <= $3 AND result IN ('added', 'extended')`,
    values: [toUuid(bulkId), after, upTo],
  });
  return rows.map(({ channel, address_hash: hash }) => ({ channel, hash }));
}

/** What became of a row. */
export interface RowResult {
  number: number;
  result: BulkResult;
  problem: string | undefined;
  suppressionId: PublicId | undefined;
}

/** Of rows that lie together. Index: bulk_suppression_rows_pkey. */
export async function recordRowResults(db: Queryable, bulkId: PublicId, results: readonly RowResult[]): Promise<void> {
  await db.query({
    name: 'bulk-rows-results',
    text: `UPDATE bulk_suppression_rows r SET result = n.result, problem = n.problem, suppression_id = n.suppression_id
           FROM unnest($2::int[], $3::text[], $4::text[], $5::uuid[]) AS n(number, result, problem, suppression_id)
           WHERE r.bulk_id = $1 AND r.number = n.number AND r.number BETWEEN $6 AND $7`,
    values: [
      toUuid(bulkId),
      results.map(({ number }) => number),
      results.map(({ result }) => result),
      results.map(({ problem }) => problem ?? null),
      results.map(({ suppressionId }) => (suppressionId === undefined ? null : toUuid(suppressionId))),
      Math.min(...results.map(({ number }) => number)),
      Math.max(...results.map(({ number }) => number)),
    ],
  });
}

/** An address and scope for which earlier rows would have made something, and when that would end. */
export interface EarlierRow {
  address: HashedAddress;
  scope: string;
  /** Undefined for never. */
  expiresAt: Date | undefined;
}

/**
 * Of these addresses, what earlier rows of a dry run would have made. Index: bulk_suppression_rows_by_address. "IS TRUE" keeps
 * the primary key from being walked through all earlier rows.
 */
export async function readEarlierRows(
  db: Queryable,
  { id, tenantId }: { id: PublicId; tenantId: PublicId },
  upTo: number,
  addresses: readonly HashedAddress[],
): Promise<EarlierRow[]> {
  const { rows } = await db.query<{ channel: Channel; address_hash: Buffer; scope: string; until: Date | null }>({
    text: `SELECT channel, address_hash, scope, CASE WHEN bool_and(expires_at IS NOT NULL) THEN max(expires_at) END AS until
           FROM unnest($2::bytea[]) AS a(hash) CROSS JOIN LATERAL (
             SELECT * FROM bulk_suppression_rows x
             WHERE x.tenant_id = $1 AND x.address_hash = a.hash AND (x.bulk_id = $3) IS TRUE AND (x.number <= $4) IS TRUE
               AND x.result IN ('added', 'extended') OFFSET 0) AS r
           GROUP BY channel, address_hash, scope`,
    values: [toUuid(tenantId), addresses.map(({ hash }) => hash), toUuid(id), upTo],
  });
  return rows.map(({ channel, address_hash: hash, scope, until }) => ({
    address: { channel, hash },
    scope,
    expiresAt: until ?? undefined,
  }));
}

/** Index: bulk_suppression_rows_pkey. */
export async function listBulkRows(
  db: Queryable,
  bulkId: PublicId,
  { result }: { result?: BulkResult | undefined },
  request: PageRequest,
): Promise<Page<StoredBulkRow>> {
  const query = {
    columns: COLUMNS,
    table: 'bulk_suppression_rows',
    index: { prefix: ['bulk_id', toUuid(bulkId)] as const, key: 'number' },
    filter: result === undefined ? [] : [['result = ?', result] as const],
  };
  return mapPage(await readPage<Row>(db, query, request), fromRow);
}

/** Forgets these addresses as they were given; the keyed hash stays. Index: bulk_suppression_rows_by_address. */
export async function forgetRowAddresses(
  db: Queryable,
  tenantId: PublicId,
  addresses: readonly HashedAddress[],
): Promise<void> {
  await db.query({
    text: `UPDATE bulk_suppression_rows SET address_sealed = NULL
           WHERE tenant_id = $1 AND address_hash = ANY ($2) AND address_sealed IS NOT NULL`,
    values: [toUuid(tenantId), addresses.map(({ hash }) => hash)],
  });
}

/** Removes rows. @returns how many. Index: bulk_suppression_rows_pkey */
export async function removeBulkRows(db: Queryable, bulkId: PublicId, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    text: `DELETE FROM bulk_suppression_rows
           WHERE bulk_id = $1 AND number = ANY (ARRAY(
             SELECT number FROM bulk_suppression_rows WHERE bulk_id = $1 ORDER BY number LIMIT $2))`,
    values: [toUuid(bulkId), limit],
  });
  return rowCount ?? 0;
}

function fromRow(row: Row): StoredBulkRow {
  return {
    bulkId: fromUuid('blk', row.bulk_id),
    number: row.number,
    channel: row.channel ?? undefined,
    addressHash: row.address_hash ?? undefined,
    addressSealed: row.address_sealed ?? undefined,
    scope: row.scope ?? undefined,
    expiresAt: row.expires_at ?? undefined,
    result: row.result ?? undefined,
    problem: row.problem ?? undefined,
    suppressionId: row.suppression_id === null ? undefined : fromUuid('sup', row.suppression_id),
  };
}
