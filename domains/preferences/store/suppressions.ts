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

/** @returns `undefined` when there is one like it that is not lifted. Index: suppressions_active */
export async function insertSuppression(db: Queryable, suppression: NewSuppression): Promise<Suppression | undefined> {
  const { id, tenantId, address, scope, reason, source, detailsSealed, createdBy, expiresAt } = suppression;
  const { rows } = await db.query<Row>({
    text: `INSERT INTO suppressions (id, tenant_id, channel, address_hash, scope, reason, source, details_sealed, created_by,
                                     created_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp(), $10)
           ON CONFLICT (tenant_id, channel, address_hash, scope, reason) WHERE lifted_at IS NULL DO NOTHING
           RETURNING ${COLUMNS}`,
    values: [
      toUuid(id),
      toUuid(tenantId),
      address.channel,
      address.hash,
      scope,
      reason,
      source,
      detailsSealed,
      createdBy,
      expiresAt,
    ],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** One that is like it and not lifted, locked. Index: suppressions_active. */
export async function lockSuppressionLike(
  db: Queryable,
  { tenantId, address, scope, reason }: Pick<NewSuppression, 'tenantId' | 'address' | 'scope' | 'reason'>,
): Promise<Suppression | undefined> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM suppressions
           WHERE tenant_id = $1 AND channel = $2 AND address_hash = $3 AND scope = $4 AND reason = $5
             AND lifted_at IS NULL FOR UPDATE`,
    values: [toUuid(tenantId), address.channel, address.hash, scope, reason],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
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

/** Forgets the address and the evidence of suppressions of these addresses; the keyed hash stays. Index: suppressions_by_address. */
export async function forgetDetails(
  db: Queryable,
  tenantId: PublicId,
  addresses: readonly HashedAddress[],
): Promise<void> {
  await db.query({
    text: `UPDATE suppressions s SET details_sealed = NULL, revision = revision + 1
           FROM unnest($2::text[], $3::bytea[]) AS a(channel, hash)
           WHERE s.tenant_id = $1 AND s.channel = a.channel AND s.address_hash = a.hash AND s.details_sealed IS NOT NULL`,
    values: [toUuid(tenantId), addresses.map(({ channel }) => channel), addresses.map(({ hash }) => hash)],
  });
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
