import { type PublicId, toUuid } from '../../../core/ids';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import {
  type AuditEvent,
  type AuditPosition,
  auditHash,
  auditTime,
  CHAIN_START,
  type StoredAuditEntry,
} from '../rules/audit-chain';
import {
  type AuditEntry,
  LISTED_COLUMNS,
  type ListedRow,
  listedEntry,
  STORED_COLUMNS,
  type StoredRow,
  storedEntry,
} from './chain-rows';

/**
 * Adds an entry to a tenant's audit log, within the caller's transaction: it is stored if and only if what it records
 * is. A tenant's entries are added one at a time, so call it last: others wait until the transaction ends.
 *
 * @param db - one connection inside a transaction, READ COMMITTED
 * @param event - its payload is a JSON value; bigints are not
 * @returns the entry's place, worth keeping elsewhere: verification can hold the log against it
 */
export async function appendAudit(
  db: Queryable,
  tenantId: PublicId,
  event: AuditEvent,
  at: Date = new Date(),
): Promise<AuditPosition> {
  const tenant = toUuid(tenantId);
  // Only a later statement sees what another transaction added while this one waited, not the one that waits.
  await db.query({
    name: 'audit-lock',
    text: `SELECT pg_advisory_xact_lock(hashtextextended('finance_audit_log/' || $1::text, 0))`,
    values: [tenant],
  });
  const head = endToFollow(await auditEnd(db, tenantId));
  const seq = head.seq + 1;
  // As the database will return it: without undefined fields.
  const payload: unknown = JSON.parse(JSON.stringify(event.payload));
  const hash = auditHash(head.hash, { ...event, payload, tenantId, seq, at: auditTime(at) });
  await db.query({
    name: 'audit-append',
    text: `INSERT INTO finance_audit_log (tenant_id, seq, at, actor, action, subject, payload, prev_hash, hash)
           VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9)`,
    values: [tenant, seq, at, event.actor, event.action, event.subject, JSON.stringify(payload), head.hash, hash],
  });
  return { seq, hash };
}

/** Where a log ends by its own rows, and by what is kept apart from them. They differ when somebody tampered with either. */
export interface AuditEnd {
  /** The last entry; undefined for an empty log. */
  last: AuditPosition | undefined;
  /** The last entry that was ever added. */
  head: AuditPosition | undefined;
}

/** Indexes: finance_audit_log_pkey, finance_audit_heads_pkey. */
export async function auditEnd(db: Queryable, tenantId: PublicId): Promise<AuditEnd> {
  const { rows } = await db.query<{ kept: boolean; seq: string; hash: Buffer }>({
    name: 'audit-end',
    text: `(SELECT false AS kept, seq, hash FROM finance_audit_log WHERE tenant_id = $1 ORDER BY seq DESC LIMIT 1)
           UNION ALL SELECT true, seq, hash FROM finance_audit_heads WHERE tenant_id = $1`,
    values: [toUuid(tenantId)],
  });
  const placeOf = (wanted: boolean): AuditPosition | undefined => {
    const row = rows.find(({ kept }) => kept === wanted);
    return row && { seq: Number(row.seq), hash: row.hash };
  };
  return { last: placeOf(false), head: placeOf(true) };
}

/**
 * What the next entry follows. If the two ends differ, verification says so; the next entry is added all the same, where
 * it is in nobody's way: no tampering may stop a tenant's business.
 */
function endToFollow({ last = CHAIN_START, head = CHAIN_START }: AuditEnd): AuditPosition {
  return last.seq > head.seq ? last : head;
}

/** The entries after a number, exactly as stored. Index: finance_audit_log_pkey. */
export async function readStored(
  db: Queryable,
  tenantId: PublicId,
  after: number,
  limit: number,
): Promise<StoredAuditEntry[]> {
  const { rows } = await db.query<StoredRow>({
    name: 'audit-walk',
    text: `SELECT ${STORED_COLUMNS}
           FROM finance_audit_log WHERE tenant_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
    values: [toUuid(tenantId), after, limit],
  });
  return rows.map(storedEntry);
}

/** Index: finance_audit_log_pkey. */
export async function listAudit(db: Queryable, tenantId: PublicId, request: PageRequest): Promise<Page<AuditEntry>> {
  const query = {
    columns: LISTED_COLUMNS,
    table: 'finance_audit_log',
    followed: 'in-order' as const,
    index: { prefix: ['tenant_id', toUuid(tenantId)] as const, key: 'seq' },
  };
  return mapPage(await readPage<ListedRow>(db, query, request), listedEntry);
}
