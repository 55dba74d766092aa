import { type PublicId, toUuid } from '../../../core/ids';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import {
  type AuditEntry,
  type AuditEvent,
  LISTED_COLUMNS,
  type ListedRow,
  listedEntry,
  STORED_COLUMNS,
  type StoredAuditEntry,
  type StoredRow,
  storedEntry,
} from '../../audit';

/** An entry of a subscriber's consent log. Its payload is pseudonymous; evidence in it is sealed with the subscriber's key. */
export type ConsentEntry = AuditEntry;

/** An entry to add. */
export interface NewConsentEntry extends AuditEvent {
  subscriberId: PublicId;
  seq: number;
  at: Date;
  prevHash: Buffer;
  hash: Buffer;
}

export async function insertConsents(db: Queryable, entries: readonly NewConsentEntry[]): Promise<void> {
  await db.query({
    name: 'consent-append',
    text: `INSERT INTO consent_events (subscriber_id, seq, at, actor, action, subject, payload, prev_hash, hash)
           SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::jsonb[],
                                $8::bytea[], $9::bytea[])`,
    values: [
      entries.map(({ subscriberId }) => toUuid(subscriberId)),
      entries.map(({ seq }) => seq),
      entries.map(({ at }) => at),
      entries.map(({ actor }) => actor),
      entries.map(({ action }) => action),
      entries.map(({ subject }) => subject),
      entries.map(({ payload }) => JSON.stringify(payload)),
      entries.map(({ prevHash }) => prevHash),
      entries.map(({ hash }) => hash),
    ],
  });
}

/** The entries after a number, exactly as stored. Index: consent_events_pkey. */
export async function readStoredConsent(
  db: Queryable,
  subscriberId: PublicId,
  after: number,
  limit: number,
): Promise<StoredAuditEntry[]> {
  const { rows } = await db.query<StoredRow>({
    name: 'consent-walk',
    text: `SELECT ${STORED_COLUMNS}
           FROM consent_events WHERE subscriber_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
    values: [toUuid(subscriberId), after, limit],
  });
  return rows.map(storedEntry);
}

/** An entry by its place. Index: consent_events_pkey. */
export async function findConsent(
  db: Queryable,
  subscriberId: PublicId,
  seq: number,
): Promise<ConsentEntry | undefined> {
  const { rows } = await db.query<ListedRow>({
    name: 'consent-entry',
    text: `SELECT ${LISTED_COLUMNS} FROM consent_events WHERE subscriber_id = $1 AND seq = $2`,
    values: [toUuid(subscriberId), seq],
  });
  return rows[0] && listedEntry(rows[0]);
}

/** Index: consent_events_pkey. */
export async function listConsent(
  db: Queryable,
  subscriberId: PublicId,
  request: PageRequest,
): Promise<Page<ConsentEntry>> {
  const query = {
    columns: LISTED_COLUMNS,
    table: 'consent_events',
    followed: 'in-order' as const,
    index: { prefix: ['subscriber_id', toUuid(subscriberId)] as const, key: 'seq' },
  };
  return mapPage(await readPage<ListedRow>(db, query, request), listedEntry);
}
