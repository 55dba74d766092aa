import { type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { ACCOUNTS } from '../../ledger';
import { isWithinTolerance, type ReconciliationStatus } from '../rules/reconcile';
import type { ReconciliationLine } from '../rules/reconcile-file';
import { byStatus, type CurrencyComparison, findReconciliation, type Reconciliation } from './reconciliation-reads';
import { REPORT_OPTIONS } from './settlement-records';

/** A file to compare with a settled day. */
export interface NewReconciliation {
  id: PublicId;
  tenantId: PublicId;
  runId: PublicId;
  /** Who sent the file: an API key's id. */
  actor: string;
  /** SHA-256 of the file. */
  fileHash: Buffer;
  lines: readonly ReconciliationLine[];
  /** Whether the lines have a kind; if so, it must be the transaction's. */
  hasKinds: boolean;
}

const UPLOAD_PAGE = 5_000;

/** In milliseconds; the pool's own bound is for queries over few rows. */
const OVER_ALL_ROWS = { query_timeout: 600_000 };

// In a file without kinds, '' is the kind of every line and candidate, so they match by reference alone.
const STAGING = `
CREATE TEMP TABLE reconciliation_upload (
  line bigint PRIMARY KEY, reference text NOT NULL, kind text NOT NULL, currency text NOT NULL, amount bigint NOT NULL,
  transaction_id uuid, status text
) ON COMMIT DROP;
CREATE TEMP TABLE reconciliation_candidates (
  transaction_id uuid PRIMARY KEY, reference text NOT NULL, kind text NOT NULL, item_kind text NOT NULL,
  currency text NOT NULL, amount bigint NOT NULL
) ON COMMIT DROP;
CREATE TEMP TABLE reconciliation_compared (
  transaction_id uuid PRIMARY KEY, kind text NOT NULL, currency text NOT NULL, amount bigint NOT NULL
) ON COMMIT DROP`;

/**
 * Pairs remaining lines and candidates that agree in some columns, one to one: the n-th line with the n-th transaction.
 * From the strictest match to the loosest, so that each of several lines with one reference finds its own.
 */
const PAIRINGS: readonly (readonly [ReconciliationStatus, columns: string])[] = [
  ['matched', 'reference, kind, currency, amount'],
  ['amount_mismatch', 'reference, kind, currency'],
  ['currency_mismatch', 'reference, kind'],
];

function pair(status: ReconciliationStatus, columns: string): string {
  return `
UPDATE reconciliation_upload u SET transaction_id = p.transaction_id, status = '${status}'
FROM (
  SELECT l.line, c.transaction_id
  FROM (SELECT line, ${columns}, row_number() OVER (PARTITION BY ${columns} ORDER BY line) AS nth
        FROM reconciliation_upload WHERE status IS NULL) l
  JOIN (SELECT transaction_id, ${columns}, row_number() OVER (PARTITION BY ${columns} ORDER BY transaction_id) AS nth
        FROM reconciliation_candidates c
        WHERE NOT EXISTS (SELECT FROM reconciliation_upload t WHERE t.transaction_id = c.transaction_id)) c
  USING (${columns}, nth)
) p
WHERE u.line = p.line`;
}

const UNPAIRED = `
UPDATE reconciliation_upload u
SET status = CASE WHEN EXISTS (SELECT FROM reconciliation_candidates c WHERE c.reference = u.reference AND c.kind = u.kind)
                  THEN 'duplicate' ELSE 'missing_internal' END
WHERE status IS NULL`;

/**
 * Compares a file with a settled day's transactions and stores the result. The database does the work, in queries over
 * all rows.
 *
 * @param db - one connection inside a transaction
 * @returns the result, as {@link findReconciliation} reads it
 */
export async function reconcileLines(db: Queryable, reconciliation: NewReconciliation): Promise<Reconciliation> {
  const { id, tenantId, runId, lines, hasKinds } = reconciliation;
  await db.query({ text: REPORT_OPTIONS });
  await db.query({ text: STAGING });
  for (let at = 0; at < lines.length; at += UPLOAD_PAGE) await upload(db, lines.slice(at, at + UPLOAD_PAGE));
  await db.query({ text: 'ANALYZE reconciliation_upload' });
  await db.query({
    text: `INSERT INTO reconciliation_candidates
           SELECT i.transaction_id, t.external_ref, CASE WHEN $2 THEN i.kind ELSE '' END, i.kind, i.currency, i.gross
           FROM settlement_items i JOIN ledger_transactions t ON t.id = i.transaction_id
           WHERE i.run_id = $1 AND t.external_ref IN (SELECT reference FROM reconciliation_upload)`,
    values: [toUuid(runId), hasKinds],
    ...OVER_ALL_ROWS,
  });
  await db.query({ text: 'ANALYZE reconciliation_candidates' });
  for (const [status, columns] of PAIRINGS) await db.query({ text: pair(status, columns), ...OVER_ALL_ROWS });
  await db.query({ text: UNPAIRED });

  await compare(db, runId);
  const counts = await countStatuses(db);
  const totals = await compareTotals(db);
  await insertReconciliation(db, reconciliation, counts, totals);
  await insertItems(db, id);
  const stored = await findReconciliation(db, { tenantId, runId, id });
  if (stored === undefined) throw new Error('the reconciliation was stored but not found');
  return stored;
}

async function upload(db: Queryable, lines: readonly ReconciliationLine[]): Promise<void> {
  await db.query({
    text: `INSERT INTO reconciliation_upload (line, reference, kind, currency, amount)
           SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[])`,
    values: [
      lines.map(({ line }) => line),
      lines.map(({ reference }) => reference),
      lines.map(({ kind }) => kind ?? ''),
      lines.map(({ currency }) => currency),
      lines.map(({ amount }) => amount.toString()),
    ],
  });
}

/**
 * Finds what the file has to have: what went through the provider. Wallet payments and adjustments are internal, and
 * count only when the file has them.
 */
async function compare(db: Queryable, runId: PublicId): Promise<void> {
  await db.query({
    text: `INSERT INTO reconciliation_compared
           SELECT i.transaction_id, i.kind, i.currency, i.gross FROM settlement_items i
           WHERE i.run_id = $1
             AND (EXISTS (SELECT FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id
                          WHERE e.transaction_id = i.transaction_id AND a.code = $2)
                  OR EXISTS (SELECT FROM reconciliation_upload u WHERE u.transaction_id = i.transaction_id))`,
    values: [toUuid(runId), ACCOUNTS.pspClearing],
    ...OVER_ALL_ROWS,
  });
  await db.query({ text: 'ANALYZE reconciliation_compared' });
}

async function countStatuses(db: Queryable): Promise<Record<ReconciliationStatus, number>> {
  const { rows } = await db.query<{ status: ReconciliationStatus; count: string }>({
    text: `SELECT status, count(*) FROM reconciliation_upload GROUP BY status
           UNION ALL
           SELECT 'missing_external', (SELECT count(*) FROM reconciliation_compared)
                                      - (SELECT count(transaction_id) FROM reconciliation_upload)`,
  });
  const counted = new Map(rows.map(({ status, count }) => [status, Number(count)]));
  return byStatus((status) => counted.get(status) ?? 0);
}

async function compareTotals(db: Queryable): Promise<CurrencyComparison[]> {
  const { rows } = await db.query<{ currency: string; ledger: string; external: string }>({
    text: `SELECT currency, coalesce(l.total, 0)::text AS ledger, coalesce(e.total, 0)::text AS external
           FROM (SELECT currency, sum(amount) AS total FROM reconciliation_compared GROUP BY currency) l
           FULL JOIN (SELECT currency, sum(amount) AS total FROM reconciliation_upload GROUP BY currency) e
           USING (currency) ORDER BY currency`,
  });
  return rows.map(({ currency, ...sums }) => {
    const [ledger, external] = [BigInt(sums.ledger), BigInt(sums.external)];
    return { currency, ledger, external, withinTolerance: isWithinTolerance(ledger, external) };
  });
}

async function insertReconciliation(
  db: Queryable,
  { id, tenantId, runId, actor, fileHash, lines }: NewReconciliation,
  counts: Record<ReconciliationStatus, number>,
  totals: readonly CurrencyComparison[],
): Promise<void> {
  const within = totals.every(({ withinTolerance }) => withinTolerance);
  await db.query({
    text: `INSERT INTO reconciliation_runs (id, tenant_id, run_id, state, actor, file_hash, line_count, matched,
             missing_internal, missing_external, amount_mismatch, currency_mismatch, duplicate)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    values: [
      toUuid(id),
      toUuid(tenantId),
      toUuid(runId),
      within ? 'within_tolerance' : 'out_of_tolerance',
      actor,
      fileHash,
      lines.length,
      counts.matched,
      counts.missing_internal,
      counts.missing_external,
      counts.amount_mismatch,
      counts.currency_mismatch,
      counts.duplicate,
    ],
  });
  await db.query({
    text: `INSERT INTO reconciliation_totals (reconciliation_id, currency, ledger, external, within_tolerance)
           SELECT $1, * FROM unnest($2::text[], $3::numeric[], $4::numeric[], $5::boolean[])`,
    values: [
      toUuid(id),
      totals.map(({ currency }) => currency),
      totals.map(({ ledger }) => ledger.toString()),
      totals.map(({ external }) => external.toString()),
      totals.map(({ withinTolerance }) => withinTolerance),
    ],
  });
}

async function insertItems(db: Queryable, id: PublicId): Promise<void> {
  await db.query({
    text: `INSERT INTO reconciliation_items (reconciliation_id, seq, status, line, reference, kind, transaction_id,
                                             ledger_currency, ledger_amount, external_currency, external_amount)
           SELECT $1, row_number() OVER (ORDER BY status = 'matched', line NULLS LAST, transaction_id), found.*
           FROM (
             SELECT u.status, u.line, u.reference, coalesce(c.item_kind, nullif(u.kind, '')) AS kind, u.transaction_id,
                    c.currency, c.amount, u.currency, u.amount
             FROM reconciliation_upload u LEFT JOIN reconciliation_candidates c ON c.transaction_id = u.transaction_id
             UNION ALL
             SELECT 'missing_external', NULL, t.external_ref, c.kind, c.transaction_id, c.currency, c.amount, NULL, NULL
             FROM reconciliation_compared c JOIN ledger_transactions t ON t.id = c.transaction_id
             WHERE NOT EXISTS (SELECT FROM reconciliation_upload u WHERE u.transaction_id = c.transaction_id)
           ) AS found (status, line, reference, kind, transaction_id, ledger_currency, ledger_amount, external_currency,
                       external_amount)`,
    values: [toUuid(id)],
    ...OVER_ALL_ROWS,
  });
}
