import { type ExpectedVersion, versionsToMatch } from '../../../core/expected-version';
import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { type Condition, mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Channel } from '../rules/channels';
import type { SuppressionReason, SuppressionSource } from '../rules/suppression';
import type { HashedAddress } from './destinations';

/** An address that nothing is sent to, or nothing of a category. */
export interface Suppression {
  id: PublicId;
  tenantId: PublicId;
  channel: Channel;
  addressHash: Buffer;
  /** `*`, or the key of a category. */
  scope: string;
  reason: SuppressionReason;
  source: SuppressionSource;
  /** The address and the evidence, by the keyring. */
  detailsSealed: Buffer | undefined;
  revision: number;
  createdBy: string;
  createdAt: Date;
  expiresAt: Date | undefined;
  liftedAt: Date | undefined;
  liftedBy: string | undefined;
  liftReason: string | undefined;
}

export interface NewSuppression {
  id: PublicId;
  tenantId: PublicId;
  address: HashedAddress;
  scope: string;
  reason: SuppressionReason;
  source: SuppressionSource;
  detailsSealed: Buffer | undefined;
  createdBy: string;
  expiresAt: Date | undefined;
}

interface Row {
  id: string;
  tenant_id: string;
  channel: Channel;
  address_hash: Buffer;
  scope: string;
  reason: SuppressionReason;
  source: SuppressionSource;
  details_sealed: Buffer | null;
  revision: string;
  created_by: string;
  created_at: Date;
  expires_at: Date | null;
  lifted_at: Date | null;
  lifted_by: string | null;
  lift_reason: string | null;
}

const COLUMNS = `id, tenant_id, channel, address_hash, scope, reason, source, details_sealed, revision, created_by, created_at,
  expires_at, lifted_at, lifted_by, lift_reason`;

/** The place that a suppression's address and evidence are sealed for. */
export function suppressionPlace(id: PublicId): string {
  return `suppressions/${id}`;
}

/** Index: suppressions_active. @throws when there is one like one of them that is not lifted */
export async function insertSuppressions(db: Queryable, made: readonly NewSuppression[]): Promise<Suppression[]> {
  if (made.length === 0) return [];
  const { rows } = await db.query<Row>({
    text: `INSERT INTO suppressions (id, tenant_id, channel, address_hash, scope, reason, source, details_sealed, created_by,
                                     created_at, expires_at)
           SELECT n.id, n.tenant_id, n.channel, n.address_hash, n.scope, n.reason, n.source, n.details_sealed, n.created_by,
                  clock_timestamp(), n.expires_at
           FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bytea[], $5::text[], $6::text[], $7::text[], $8::bytea[],
                       $9::text[], $10::timestamptz[])
             AS n(id, tenant_id, channel, address_hash, scope, reason, source, details_sealed, created_by, expires_at)
           RETURNING ${COLUMNS}`,
    values: [
      made.map(({ id }) => toUuid(id)),
      made.map(({ tenantId }) => toUuid(tenantId)),
      made.map(({ address }) => address.channel),
      made.map(({ address }) => address.hash),
      made.map(({ scope }) => scope),
      made.map(({ reason }) => reason),
      made.map(({ source }) => source),
      made.map(({ detailsSealed }) => detailsSealed ?? null),
      made.map(({ createdBy }) => createdBy),
      made.map(({ expiresAt }) => expiresAt ?? null),
    ],
  });
  return rows.map(fromRow);
}

/** What suppressions are alike by, apart from their tenant. */
export type SuppressionKey = Pick<NewSuppression, 'address' | 'scope' | 'reason'>;

/** Each is looked up by itself, whatever the statistics of the table say: see `store/destinations.ts`. */
const LIKE = `SELECT found.id FROM unnest($2::text[], $3::bytea[], $4::text[], $5::text[]) AS a(channel, address_hash, scope, reason)
             CROSS JOIN LATERAL (
               SELECT x.id FROM suppressions x
               WHERE x.tenant_id = $1 AND x.channel = a.channel AND x.address_hash = a.address_hash
                 AND x.scope = a.scope AND x.reason = a.reason AND x.lifted_at IS NULL OFFSET 0) AS found`;

/** Those that are like these and not lifted. Index: suppressions_active. */
export function readSuppressionsLike(
  db: Queryable,
  tenantId: PublicId,
  keys: readonly SuppressionKey[],
): Promise<Suppression[]> {
  return readLike(db, tenantId, keys, '');
}

/** As {@link readSuppressionsLike}, locked. */
export function lockSuppressionsLike(
  db: Queryable,
  tenantId: PublicId,
  keys: readonly SuppressionKey[],
): Promise<Suppression[]> {
  return readLike(db, tenantId, keys, 'ORDER BY id FOR UPDATE');
}

async function readLike(
  db: Queryable,
  tenantId: PublicId,
  keys: readonly SuppressionKey[],
  lock: string,
): Promise<Suppression[]> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM suppressions WHERE id = ANY (ARRAY(${LIKE})) ${lock}`,
    values: [
      toUuid(tenantId),
      keys.map(({ address }) => address.channel),
      keys.map(({ address }) => address.hash),
      keys.map(({ scope }) => scope),
      keys.map(({ reason }) => reason),
    ],
  });
  return rows.map(fromRow);
}

/** Index: suppressions_pkey. */
export async function findSuppression(
  db: Queryable,
  tenantId: PublicId,
  id: PublicId,
): Promise<Suppression | undefined> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM suppressions WHERE id = $1 AND tenant_id = $2`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Which suppressions a list has. */
export interface SuppressionFilter {
  address?: HashedAddress | undefined;
  channel?: Channel | undefined;
  scope?: string | undefined;
  reason?: SuppressionReason | undefined;
  /** Those that count now, or those that do not. */
  inForce?: boolean | undefined;
}

const IN_FORCE = '(lifted_at IS NULL AND (expires_at IS NULL OR expires_at > now()))';

/** Indexes: suppressions_by_tenant, suppressions_by_address. */
export async function listSuppressions(
  db: Queryable,
  tenantId: PublicId,
  { address, channel, scope, reason, inForce }: SuppressionFilter,
  request: PageRequest,
): Promise<Page<Suppression>> {
  const filter: Condition[] = [];
  if (channel !== undefined) filter.push(['channel = ?', channel]);
  if (scope !== undefined) filter.push(['scope = ?', scope]);
  if (reason !== undefined) filter.push(['reason = ?', reason]);
  if (inForce !== undefined) filter.push([inForce ? IN_FORCE : `NOT ${IN_FORCE}`]);
  const prefix = ['tenant_id', toUuid(tenantId)] as const;
  const query =
    address === undefined
      ? { columns: COLUMNS, table: 'suppressions', index: { prefix, key: 'id' }, filter }
      : {
          columns: COLUMNS,
          table: 'suppressions',
          index: { prefix, key: 'id' },
          // Few have one address, and they are found by it; what else is asked of them needs no budget.
          fixed: [
            [
              `id = ANY (ARRAY(SELECT s.id FROM suppressions s
                 WHERE s.tenant_id = ? AND s.channel = ? AND s.address_hash = ?))`,
              toUuid(tenantId),
              address.channel,
              address.hash,
            ] as Condition,
            ...filter,
          ],
        };
  return mapPage(await readPage<Row>(db, query, request), fromRow);
}

/** When it no longer counts, for one that is locked or was found with a revision. */
export async function updateExpiry(
  db: Queryable,
  id: PublicId,
  expiresAt: Date | undefined,
  expected: ExpectedVersion | undefined,
): Promise<Suppression | undefined> {
  const { rows } = await db.query<Row>({
    text: `UPDATE suppressions SET expires_at = $2, revision = revision + 1
           WHERE id = $1 AND lifted_at IS NULL AND ($3::bigint[] IS NULL OR revision = ANY ($3)) RETURNING ${COLUMNS}`,
    values: [toUuid(id), expiresAt, versionsToMatch(expected)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** When these no longer count, for some that are locked. Index: suppressions_pkey. */
export async function updateExpiries(
  db: Queryable,
  longer: readonly { id: PublicId; expiresAt: Date | undefined }[],
): Promise<Suppression[]> {
  if (longer.length === 0) return [];
  const { rows } = await db.query<Row>({
    text: `UPDATE suppressions SET revision = revision + 1, expires_at = (
             SELECT n.until FROM unnest($1::uuid[], $2::timestamptz[]) AS n(suppression_id, until)
             WHERE n.suppression_id = suppressions.id)
           WHERE id = ANY ($1::uuid[]) RETURNING ${COLUMNS}`,
    values: [longer.map(({ id }) => toUuid(id)), longer.map(({ expiresAt }) => expiresAt ?? null)],
  });
  return rows.map(fromRow);
}

/** Makes room for others like these, which are locked and have expired. Index: suppressions_pkey. */
export async function markExpired(db: Queryable, ids: readonly PublicId[]): Promise<void> {
  if (ids.length === 0) return;
  await db.query({
    text: `UPDATE suppressions
           SET lifted_at = clock_timestamp(), lifted_by = 'expiry', lift_reason = 'It had expired.', revision = revision + 1
           WHERE id = ANY ($1)`,
    values: [ids.map(toUuid)],
  });
}

/** Who lifts it, and why. */
export interface Lifting {
  by: string;
  reason: string;
}

/** @returns `undefined` when it is lifted already, or none of an expected revision */
export async function markLifted(
  db: Queryable,
  id: PublicId,
  { by, reason }: Lifting,
  expected?: ExpectedVersion,
): Promise<Suppression | undefined> {
  const { rows } = await db.query<Row>({
    text: `UPDATE suppressions
           SET lifted_at = clock_timestamp(), lifted_by = $2, lift_reason = $3, revision = revision + 1
           WHERE id = $1 AND lifted_at IS NULL AND ($4::bigint[] IS NULL OR revision = ANY ($4)) RETURNING ${COLUMNS}`,
    values: [toUuid(id), by, reason, versionsToMatch(expected)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Suppressions of the addresses that a subscriber has, by id. Indexes: destinations_by_subscriber, suppressions_by_address. */
export async function suppressionsOf(
  db: Queryable,
  subscriberId: PublicId,
  after: string | undefined,
  limit: number,
): Promise<Suppression[]> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM suppressions
           WHERE id = ANY (ARRAY(
             SELECT x.id FROM destinations d
             JOIN suppressions x ON x.tenant_id = d.tenant_id AND x.channel = d.channel AND x.address_hash = d.address_hash
             WHERE d.subscriber_id = $1 AND ($2::uuid IS NULL OR x.id > $2) ORDER BY x.id LIMIT $3))
           ORDER BY id`,
    values: [toUuid(subscriberId), after ?? null, limit],
  });
  return rows.map(fromRow);
}

/** Forgets the address and the evidence of suppressions of these addresses; the keyed hash stays. Index: suppressions_by_address. @returns of how many */
export async function forgetDetails(
  db: Queryable,
  tenantId: PublicId,
  addresses: readonly HashedAddress[],
): Promise<number> {
  const { rowCount } = await db.query({
    text: `UPDATE suppressions s SET details_sealed = NULL, revision = revision + 1
           FROM unnest($2::text[], $3::bytea[]) AS a(channel, hash)
           WHERE s.tenant_id = $1 AND s.channel = a.channel AND s.address_hash = a.hash AND s.details_sealed IS NOT NULL`,
    values: [toUuid(tenantId), addresses.map(({ channel }) => channel), addresses.map(({ hash }) => hash)],
  });
  return rowCount ?? 0;
}

function fromRow(row: Row): Suppression {
  return {
    id: fromUuid('sup', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    channel: row.channel,
    addressHash: row.address_hash,
    scope: row.scope,
    reason: row.reason,
    source: row.source,
    detailsSealed: row.details_sealed ?? undefined,
    revision: Number(row.revision),
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    liftedAt: row.lifted_at ?? undefined,
    liftedBy: row.lifted_by ?? undefined,
    liftReason: row.lift_reason ?? undefined,
  };
}
