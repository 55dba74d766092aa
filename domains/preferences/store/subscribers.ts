import { type ExpectedVersion, versionsToMatch } from '../../../core/expected-version';
import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { type Condition, mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import type { AuditPosition } from '../../audit';
import type { Channel } from '../rules/channels';
import type { QuietHours } from '../rules/quiet-hours';

/** Somebody who is notified. */
export interface Subscriber {
  id: PublicId;
  tenantId: PublicId;
  /** The tenant's own id of them; undefined once erased. */
  externalId: string | undefined;
  locale: string | undefined;
  timeZone: string | undefined;
  quietHours: QuietHours | undefined;
  /** With the subscriber's key. */
  profileSealed: Buffer | undefined;
  /** The subscriber's key, sealed by the keyring; undefined once destroyed. */
  dataKey: Buffer | undefined;
  /** Grows with everything that decisions depend on. */
  preferenceVersion: number;
  /** Grows with every change of what is said here. */
  revision: number;
  createdAt: Date;
  updatedAt: Date;
  erasedAt: Date | undefined;
}

/** The end of a subscriber's consent chain. */
export interface ConsentHead extends AuditPosition {
  /** The keyed hash of it; undefined before the first entry. */
  mac: Buffer | undefined;
}

interface Row {
  id: string;
  tenant_id: string;
  external_id: string | null;
  locale: string | null;
  time_zone: string | null;
  quiet_hours: QuietHours | null;
  profile_sealed: Buffer | null;
  data_key: Buffer | null;
  preference_version: string;
  revision: string;
  created_at: Date;
  updated_at: Date;
  erased_at: Date | null;
}

const COLUMNS = `id, tenant_id, external_id, locale, time_zone, quiet_hours, profile_sealed, data_key, preference_version,
  revision, created_at, updated_at, erased_at`;

/** What a subscriber is made of. */
export interface NewSubscriber {
  id: PublicId;
  tenantId: PublicId;
  externalId: string;
  locale: string | undefined;
  timeZone: string | undefined;
  quietHours: QuietHours | undefined;
  profileSealed: Buffer | undefined;
  dataKey: Buffer;
}

/** @returns `undefined` when the tenant already has one with this external id */
export async function insertSubscriber(db: Queryable, subscriber: NewSubscriber): Promise<Subscriber | undefined> {
  const { id, tenantId, externalId, locale, timeZone, quietHours, profileSealed, dataKey } = subscriber;
  const { rows } = await db.query<Row>({
    text: `INSERT INTO subscribers (id, tenant_id, external_id, locale, time_zone, quiet_hours, profile_sealed, data_key)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
           ON CONFLICT (tenant_id, external_id) DO NOTHING RETURNING ${COLUMNS}`,
    values: [
      toUuid(id),
      toUuid(tenantId),
      externalId,
      locale,
      timeZone,
      quietHours && JSON.stringify(quietHours),
      profileSealed,
      dataKey,
    ],
  });
  return rows[0] === undefined ? undefined : subscriberFromRow(rows[0]);
}

/** Also one that was erased. Index: subscribers_pkey. */
export function findSubscriber(db: Queryable, tenantId: PublicId, id: PublicId): Promise<Subscriber | undefined> {
  return readOne(db, tenantId, id, '');
}

/** Like {@link findSubscriber}; decisions about them, and other changes, wait until the transaction ends. */
export function lockSubscriber(db: Queryable, tenantId: PublicId, id: PublicId): Promise<Subscriber | undefined> {
  return readOne(db, tenantId, id, 'FOR NO KEY UPDATE');
}

/** Like {@link lockSubscriber}; whoever stores something about them waits too. */
export function lockSubscriberWhole(db: Queryable, tenantId: PublicId, id: PublicId): Promise<Subscriber | undefined> {
  return readOne(db, tenantId, id, 'FOR UPDATE');
}

async function readOne(db: Queryable, tenantId: PublicId, id: PublicId, lock: string): Promise<Subscriber | undefined> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${COLUMNS} FROM subscribers WHERE id = $1 AND tenant_id = $2 ${lock}`,
    values: [toUuid(id), toUuid(tenantId)],
  });
  return rows[0] === undefined ? undefined : subscriberFromRow(rows[0]);
}

/** Which subscribers a list has. */
export interface SubscriberFilter {
  externalId?: string | undefined;
  /** Those with this address. */
  address?: { channel: Channel; hash: Buffer } | undefined;
}

/** Those who are not erased. Index: subscribers_by_tenant, subscribers_external or destinations_by_address. */
export async function listSubscribers(
  db: Queryable,
  tenantId: PublicId,
  { externalId, address }: SubscriberFilter,
  request: PageRequest,
): Promise<Page<Subscriber>> {
  const conditions: Condition[] = [['erased_at IS NULL']];
  // Few have one id or address: they are found by it, and not among all of the tenant's.
  if (externalId !== undefined) {
    conditions.push([
      'id = ANY (ARRAY(SELECT s.id FROM subscribers s WHERE s.tenant_id = ? AND s.external_id = ?))',
      toUuid(tenantId),
      externalId,
    ]);
  }
  if (address !== undefined) {
    const { channel, hash } = address;
    conditions.push([
      `id = ANY (ARRAY(SELECT d.subscriber_id FROM destinations d
                       WHERE d.tenant_id = ? AND d.channel = ? AND d.address_hash = ?))`,
      toUuid(tenantId),
      channel,
      hash,
    ]);
  }
  const query = {
    columns: COLUMNS,
    table: 'subscribers',
    index: { prefix: ['tenant_id', toUuid(tenantId)], key: 'id' } as const,
    fixed: conditions,
  };
  return mapPage(await readPage<Row>(db, query, request), subscriberFromRow);
}

/** The fields to change; null takes one away. */
export interface SubscriberColumns {
  externalId?: string | undefined;
  locale?: string | null | undefined;
  timeZone?: string | null | undefined;
  profileSealed?: Buffer | undefined;
}

/**
 * Changes the given fields, in the transaction that locked the subscriber. A new time zone is a new preference version.
 *
 * @returns `undefined` when its revision is none of the expected ones
 */
export async function updateSubscriber(
  db: Queryable,
  id: PublicId,
  change: SubscriberColumns,
  expected: ExpectedVersion | undefined,
): Promise<Subscriber | undefined> {
  const { externalId, locale, timeZone, profileSealed } = change;
  const { rows } = await db.query<Row>({
    text: `UPDATE subscribers
           SET external_id = coalesce($2, external_id),
               locale = CASE WHEN $3 THEN $4 ELSE locale END,
               time_zone = CASE WHEN $5 THEN $6 ELSE time_zone END,
               profile_sealed = coalesce($7, profile_sealed),
               preference_version = preference_version + $5::boolean::int,
               revision = revision + 1, updated_at = now()
           WHERE id = $1 AND ($8::bigint[] IS NULL OR revision = ANY ($8)) RETURNING ${COLUMNS}`,
    values: [
      toUuid(id),
      externalId,
      locale !== undefined,
      locale,
      timeZone !== undefined,
      timeZone,
      profileSealed,
      versionsToMatch(expected),
    ],
  });
  return rows[0] === undefined ? undefined : subscriberFromRow(rows[0]);
}

/** Whether another subscriber of the tenant has this external id. Index: subscribers_external. */
export async function hasExternalId(
  db: Queryable,
  { tenantId, id }: { tenantId: PublicId; id: PublicId },
  externalId: string,
): Promise<boolean> {
  const { rows } = await db.query({
    text: 'SELECT FROM subscribers WHERE tenant_id = $1 AND external_id = $2 AND id <> $3',
    values: [toUuid(tenantId), externalId, toUuid(id)],
  });
  return rows.length > 0;
}

/** Gives subscribers a new version each: what decisions about them depend on has changed. In one's own order of locking. */
export async function bumpVersions(db: Queryable, ids: readonly PublicId[]): Promise<void> {
  if (ids.length === 0) return;
  await db.query({
    text: 'UPDATE subscribers SET preference_version = preference_version + 1 WHERE id = ANY ($1)',
    values: [ids.map(toUuid)],
  });
}

/** The versions that these subscribers have now. Index: subscribers_pkey. */
export async function readVersions(db: Queryable, ids: readonly PublicId[]): Promise<Map<PublicId, number>> {
  const { rows } = await db.query<{ id: string; version: string }>({
    text: 'SELECT id, preference_version AS version FROM subscribers WHERE id = ANY ($1)',
    values: [ids.map(toUuid)],
  });
  return new Map(rows.map(({ id, version }) => [fromUuid('sub', id), Number(version)]));
}

/** What a change of preferences leaves in its subscriber's row. */
export interface NewPreferenceState {
  version: number;
  /** Undefined to leave them; null for none. */
  quietHours: QuietHours | null | undefined;
}

/** Sets the version of a subscriber that is locked. */
export async function storePreferenceState(
  db: Queryable,
  id: PublicId,
  { version, quietHours }: NewPreferenceState,
): Promise<void> {
  await db.query({
    text: `UPDATE subscribers SET preference_version = $2,
                  quiet_hours = CASE WHEN $3 THEN $4::jsonb ELSE quiet_hours END
           WHERE id = $1`,
    values: [toUuid(id), version, quietHours !== undefined, quietHours == null ? null : JSON.stringify(quietHours)],
  });
}

/**
 * Erases what identifies a subscriber who is locked, with the key to every copy of it. The row, its version and the end of
 * the consent chain stay.
 */
export async function markErased(db: Queryable, id: PublicId): Promise<void> {
  await db.query({
    text: `UPDATE subscribers
           SET external_id = NULL, locale = NULL, time_zone = NULL, quiet_hours = NULL, profile_sealed = NULL,
               data_key = NULL, preference_version = preference_version + 1, revision = revision + 1,
               updated_at = now(), erased_at = now()
           WHERE id = $1`,
    values: [toUuid(id)],
  });
}

/** Where the consent chain ends by the subscriber's row. Index: subscribers_pkey. */
export async function readConsentHead(db: Queryable, id: PublicId): Promise<ConsentHead> {
  const head = (await readConsentHeads(db, [id])).get(id);
  if (head === undefined) throw new Error(`there is no subscriber ${id}`);
  return head;
}

/** Like {@link readConsentHead}, of several. */
export async function readConsentHeads(db: Queryable, ids: readonly PublicId[]): Promise<Map<PublicId, ConsentHead>> {
  const { rows } = await db.query<{
    id: string;
    consent_seq: string;
    consent_hash: Buffer;
    consent_mac: Buffer | null;
  }>({
    text: 'SELECT id, consent_seq, consent_hash, consent_mac FROM subscribers WHERE id = ANY ($1)',
    values: [ids.map(toUuid)],
  });
  return new Map(
    rows.map((row) => [
      fromUuid('sub', row.id),
      { seq: Number(row.consent_seq), hash: row.consent_hash, mac: row.consent_mac ?? undefined },
    ]),
  );
}

/** Moves the ends of chains, of subscribers who are locked. Index: subscribers_pkey. */
export async function moveConsentHeads(db: Queryable, heads: ReadonlyMap<PublicId, ConsentHead>): Promise<void> {
  const moved = [...heads];
  await db.query({
    text: `UPDATE subscribers s SET consent_seq = h.seq, consent_hash = h.hash, consent_mac = h.mac
           FROM unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::bytea[]) AS h(id, seq, hash, mac) WHERE s.id = h.id`,
    values: [
      moved.map(([id]) => toUuid(id)),
      moved.map(([, { seq }]) => seq),
      moved.map(([, { hash }]) => hash),
      moved.map(([, { mac }]) => mac),
    ],
  });
}

function subscriberFromRow(row: Row): Subscriber {
  return {
    id: fromUuid('sub', row.id),
    tenantId: fromUuid('ten', row.tenant_id),
    externalId: row.external_id ?? undefined,
    locale: row.locale ?? undefined,
    timeZone: row.time_zone ?? undefined,
    quietHours: row.quiet_hours ?? undefined,
    profileSealed: row.profile_sealed ?? undefined,
    dataKey: row.data_key ?? undefined,
    preferenceVersion: Number(row.preference_version),
    revision: Number(row.revision),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    erasedAt: row.erased_at ?? undefined,
  };
}
