import { type PublicId, toUuid } from '../../../core/ids';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import {
  type AuditEvent,
  type AuditPosition,
  auditHash,
  auditTime,
  CHAIN_START,
  follows,
  type StoredAuditEntry,
} from '../rules/audit-chain';

const VERIFY_PAGE = 1_000;

/**
 * Adds an entry to a tenant's audit log, within the caller's transaction: it is stored if and only if what it records
 * is. A tenant's entries are added one at a time, so call it last: others wait until the transaction ends.
 *
 * @param db - one connection inside a transaction, READ COMMITTED
 * @param event - its payload is a JSON value; bigints are not
 * @returns the entry's place, worth keeping elsewhere: {@link verifyAudit} can hold the chain against it
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
  const head = (await auditHead(db, tenantId)) ?? CHAIN_START;
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

/** The last entry's place; undefined for an empty log. Index: finance_audit_log_pkey. */
export async function auditHead(db: Queryable, tenantId: PublicId): Promise<AuditPosition | undefined> {
  const { rows } = await db.query<{ seq: string; hash: Buffer }>({
    name: 'audit-head',
    text: 'SELECT seq, hash FROM finance_audit_log WHERE tenant_id = $1 ORDER BY seq DESC LIMIT 1',
    values: [toUuid(tenantId)],
  });
  const [row] = rows;
  return row === undefined ? undefined : { seq: Number(row.seq), hash: row.hash };
}

/** The result of verifying a tenant's audit log. */
export interface AuditVerdict {
  verified: boolean;
  /** How many entries are valid, from the first on without a gap. */
  entries: number;
  /** The last valid entry. */
  head: AuditPosition | undefined;
  /** The first invalid entry: changed, or missing. */
  brokenAt: number | undefined;
}

/**
 * Walks a tenant's audit log from its beginning. Index: finance_audit_log_pkey.
 *
 * @param db - `inIndexOrder` of a pool, for a log that may be long
 * @param expected - a place that the log is known to have had. The log alone cannot show that its last entries were
 *   removed; this can.
 */
export async function verifyAudit(db: Queryable, tenantId: PublicId, expected?: AuditPosition): Promise<AuditVerdict> {
  let last = CHAIN_START;
  const verdict = (brokenAt: number | undefined): AuditVerdict => ({
    verified: brokenAt === undefined,
    entries: last.seq,
    head: last.seq === 0 ? undefined : last,
    brokenAt,
  });
  for (;;) {
    const page = await readStored(db, tenantId, last.seq);
    for (const entry of page) {
      const known = expected?.seq !== entry.seq || expected.hash.equals(entry.hash);
      if (!known || !follows(last, entry, tenantId)) return verdict(last.seq + 1);
      last = { seq: entry.seq, hash: entry.hash };
    }
    if (page.length < VERIFY_PAGE) break;
  }
  return verdict(expected !== undefined && expected.seq > last.seq ? last.seq + 1 : undefined);
}

interface StoredRow {
  seq: string;
  at: string;
  actor: string;
  action: string;
  subject: string;
  payload: string;
  prev_hash: Buffer;
  hash: Buffer;
}

async function readStored(db: Queryable, tenantId: PublicId, after: number): Promise<StoredAuditEntry[]> {
  const { rows } = await db.query<StoredRow>({
    name: 'audit-walk',
    text: `SELECT seq, extract(epoch FROM at)::text AS at, actor, action, subject, payload::text AS payload, prev_hash, hash
           FROM finance_audit_log WHERE tenant_id = $1 AND seq > $2 ORDER BY seq LIMIT ${VERIFY_PAGE}`,
    values: [toUuid(tenantId), after],
  });
  return rows.map(({ seq, prev_hash, ...row }) => ({ ...row, seq: Number(seq), prevHash: prev_hash }));
}

/** An entry of the audit log. */
export interface AuditEntry extends AuditEvent {
  seq: number;
  at: Date;
  /** In hex. */
  prevHash: string;
  /** In hex. */
  hash: string;
}

interface Row {
  seq: string;
  at: Date;
  actor: string;
  action: string;
  subject: string;
  payload: unknown;
  prev_hash: Buffer;
  hash: Buffer;
}

/** Index: finance_audit_log_pkey. */
export async function listAudit(db: Queryable, tenantId: PublicId, request: PageRequest): Promise<Page<AuditEntry>> {
  const query = {
    columns: 'seq, at, actor, action, subject, payload, prev_hash, hash',
    table: 'finance_audit_log',
    index: { prefix: ['tenant_id', toUuid(tenantId)] as const, key: 'seq' },
  };
  return mapPage(await readPage<Row>(db, query, request), ({ seq, prev_hash, hash, ...row }) => ({
    ...row,
    seq: Number(seq),
    prevHash: prev_hash.toString('hex'),
    hash: hash.toString('hex'),
  }));
}
