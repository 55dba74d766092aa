import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Channel } from '../rules/channels';

/** Where a subscriber is reached by a channel. */
export interface Destination {
  id: PublicId;
  subscriberId: PublicId;
  channel: Channel;
  /** By the keyring. */
  addressSealed: Buffer;
  addressHash: Buffer;
  createdAt: Date;
}

/** An address as it is matched. */
export interface HashedAddress {
  channel: Channel;
  hash: Buffer;
}

interface Row {
  id: string;
  subscriber_id: string;
  channel: Channel;
  address_sealed: Buffer;
  address_hash: Buffer;
  created_at: Date;
}

const COLUMNS = 'id, subscriber_id, channel, address_sealed, address_hash, created_at';

/** The place that a destination's address is sealed for. */
export function addressPlace(id: PublicId): string {
  return `destinations/${id}`;
}

/** @returns `undefined` when the subscriber has the address already */
export async function insertDestination(
  db: Queryable,
  tenantId: PublicId,
  { id, subscriberId, channel, addressSealed, addressHash }: Omit<Destination, 'createdAt'>,
): Promise<Destination | undefined> {
  const { rows } = await db.query<Row>({
    text: `INSERT INTO destinations (id, tenant_id, subscriber_id, channel, address_sealed, address_hash)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (subscriber_id, channel, address_hash) DO NOTHING RETURNING ${COLUMNS}`,
    values: [toUuid(id), toUuid(tenantId), toUuid(subscriberId), channel, addressSealed, addressHash],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Index: destinations_once. */
export async function findDestinationByAddress(
  db: Queryable,
  subscriberId: PublicId,
  { channel, hash }: HashedAddress,
): Promise<Destination | undefined> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM destinations WHERE subscriber_id = $1 AND channel = $2 AND address_hash = $3`,
    values: [toUuid(subscriberId), channel, hash],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Index: destinations_pkey. */
export async function findDestination(
  db: Queryable,
  subscriberId: PublicId,
  id: PublicId,
): Promise<Destination | undefined> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM destinations WHERE id = $1 AND subscriber_id = $2`,
    values: [toUuid(id), toUuid(subscriberId)],
  });
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Index: destinations_by_subscriber. */
export async function listDestinations(
  db: Queryable,
  subscriberId: PublicId,
  request: PageRequest,
): Promise<Page<Destination>> {
  const query = {
    columns: COLUMNS,
    table: 'destinations',
    index: { prefix: ['subscriber_id', toUuid(subscriberId)], key: 'id' } as const,
  };
  return mapPage(await readPage<Row>(db, query, request), fromRow);
}

/** All of a subscriber's, who has few. Index: destinations_by_subscriber. */
export async function allDestinations(db: Queryable, subscriberId: PublicId): Promise<Destination[]> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM destinations WHERE subscriber_id = $1 ORDER BY id`,
    values: [toUuid(subscriberId)],
  });
  return rows.map(fromRow);
}

/** @returns false when the subscriber has none of this id */
export async function deleteDestination(db: Queryable, subscriberId: PublicId, id: PublicId): Promise<boolean> {
  const { rowCount } = await db.query({
    text: 'DELETE FROM destinations WHERE id = $1 AND subscriber_id = $2',
    values: [toUuid(id), toUuid(subscriberId)],
  });
  return rowCount === 1;
}

/** All of a subscriber's. @returns how many */
export async function deleteDestinations(db: Queryable, subscriberId: PublicId): Promise<number> {
  const { rowCount } = await db.query({
    text: 'DELETE FROM destinations WHERE subscriber_id = $1',
    values: [toUuid(subscriberId)],
  });
  return rowCount ?? 0;
}

/**
 * Makes whoever gives an address to a subscriber, or suppresses it, wait for each other until the transaction ends, so that
 * neither overlooks the other. To be called before any subscriber is locked. Addresses are taken in one order, so that
 * nobody waits in a circle.
 */
export async function lockAddresses(
  db: Queryable,
  tenantId: PublicId,
  addresses: readonly HashedAddress[],
): Promise<void> {
  if (addresses.length === 0) return;
  await db.query({
    // Two numbers, since those of one number say how far a list is settled; see `settledBefore`.
    text: `SELECT pg_advisory_xact_lock(high, low) FROM (
             SELECT DISTINCT hashtext('destinations' || $1::text || key) AS high, hashtext(key) AS low
             FROM unnest($2::text[]) AS keys(key) ORDER BY high, low) AS places`,
    values: [toUuid(tenantId), addresses.map(({ channel, hash }) => `/${channel}/${hash.toString('hex')}`)],
  });
}

/**
 * Looks each address up by itself. As a join it is planned by statistics, and those of a table that was small a minute ago have
 * it compare all of a tenant's addresses with each.
 */
const WITH_ADDRESS = `FROM unnest($2::text[], $3::bytea[]) AS a(channel, hash)
           CROSS JOIN LATERAL (
             SELECT x.subscriber_id, x.channel, x.address_hash FROM destinations x
             WHERE x.tenant_id = $1 AND x.channel = a.channel AND x.address_hash = a.hash OFFSET 0) AS d`;

/**
 * Locks every subscriber who has one of these addresses, in the order of their ids: decisions about them wait until the
 * transaction ends. Call {@link lockAddresses} first. Index: destinations_by_address.
 *
 * @returns their ids
 */
export async function lockSubscribersAt(
  db: Queryable,
  tenantId: PublicId,
  addresses: readonly HashedAddress[],
): Promise<PublicId[]> {
  if (addresses.length === 0) return [];
  const { rows } = await db.query<{ id: string }>({
    text: `SELECT s.id FROM subscribers s
           WHERE s.id = ANY (ARRAY(
             SELECT d.subscriber_id ${WITH_ADDRESS}))
           ORDER BY s.id FOR NO KEY UPDATE OF s`,
    values: [toUuid(tenantId), addresses.map(({ channel }) => channel), addresses.map(({ hash }) => hash)],
  });
  return rows.map(({ id }) => fromUuid('sub', id));
}

/** An address, and somebody who has it. */
export interface Holder extends HashedAddress {
  subscriberId: PublicId;
}

/** Who has one of these addresses. Index: destinations_by_address. */
export async function holdersOf(
  db: Queryable,
  tenantId: PublicId,
  addresses: readonly HashedAddress[],
): Promise<Holder[]> {
  const { rows } = await db.query<{ subscriber_id: string; channel: Channel; address_hash: Buffer }>({
    text: `SELECT d.subscriber_id, d.channel, d.address_hash
           ${WITH_ADDRESS} ORDER BY d.subscriber_id`,
    values: [toUuid(tenantId), addresses.map(({ channel }) => channel), addresses.map(({ hash }) => hash)],
  });
  return rows.map(({ subscriber_id, channel, address_hash: hash }) => ({
    subscriberId: fromUuid('sub', subscriber_id),
    channel,
    hash,
  }));
}

function fromRow(row: Row): Destination {
  return {
    id: fromUuid('dst', row.id),
    subscriberId: fromUuid('sub', row.subscriber_id),
    channel: row.channel,
    addressSealed: row.address_sealed,
    addressHash: row.address_hash,
    createdAt: row.created_at,
  };
}
