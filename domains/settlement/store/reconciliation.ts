import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { ACCOUNTS } from '../../ledger';
import { isWithinTolerance, type ReconciliationStatus } from '../rules/reconcile';
import type { ReconciliationLine } from '../rules/reconciliation-line';
import { judgeUnpaired, pairUp } from './reconciliation-pairing';
import { byStatus, type CurrencyComparison, findReconciliation, type Reconciliation } from './reconciliation-reads';
import {
  type ComparedDay,
  OVER_ALL_ROWS,
  stageElsewhere,
  stageLines,
  stageMissing,
  stageOthers,
  stageOwn,
} from './reconciliation-staging';
import { REPORT_OPTIONS } from './settlement-records';

/** A file to compare with a settled day. */
export interface NewReconciliation extends ComparedDay {
  id: PublicId;
  /** Who sent the file: an API key's id. */
  actor: string;
  /** SHA-256 of the file. */
  fileHash: Buffer;
  lines: readonly ReconciliationLine[];
}

/** A payout that the file says went out, or came back. */
export interface ReportedPayout {
  id: PublicId;
  kind: 'payout' | 'payout_return';
}

/**
 * Compares a file with a settled day's transactions and stores the result. The database does the work, in queries over
 * all rows.
 *
 * @param db - one connection inside a transaction
 * @returns the result, as {@link findReconciliation} reads it, and the payouts that the file surely reports
 */
export async function reconcileLines(
  db: Queryable,
  reconciliation: NewReconciliation,
): Promise<{ reconciliation: Reconciliation; payouts: ReportedPayout[] }> {
  const { id, tenantId, runId, lines } = reconciliation;
  await db.query({ text: REPORT_OPTIONS });
  // Two files at once would both be matched with what neighbours share.
  await db.query({
    text: "SELECT pg_advisory_xact_lock(hashtextextended('reconciliation ' || $1, 0))",
    values: [tenantId],
    ...OVER_ALL_ROWS,
  });
  await stageLines(db, lines);
  await stageElsewhere(db, reconciliation);
  await stageOwn(db, reconciliation);
  if ((await pairUp(db, 'first')) > 0) {
    await stageOthers(db, reconciliation);
    await pairUp(db, 'all');
  }
  await judgeUnpaired(db);
  await stageMissing(db, reconciliation, ACCOUNTS.pspClearing);

  const counts = await countStatuses(db);
  const totals = await compareTotals(db);
  await insertReconciliation(db, reconciliation, counts, totals);
  await insertItems(db, id);
  const stored = await findReconciliation(db, { tenantId, runId, id });
  if (stored === undefined) throw new Error('the reconciliation was stored but not found');
  return { reconciliation: stored, payouts: await reportedPayouts(db) };
}

async function countStatuses(db: Queryable): Promise<Record<ReconciliationStatus, number>> {
  const { rows } = await db.query<{ status: ReconciliationStatus; count: string }>({
    text: `SELECT status, count(*) FROM reconciliation_upload GROUP BY status
           UNION ALL
           SELECT 'missing_external', count(*) FROM reconciliation_missing`,
  });
  const counted = new Map(rows.map(({ status, count }) => [status, Number(count)]));
  return byStatus((status) => counted.get(status) ?? 0);
}

// By line and transaction: what the ledger has, what the file has, and what of it does not match.
const COMPARED = `
SELECT c.currency, c.amount AS ledger, 0 AS external, CASE WHEN c.currency = u.currency THEN 0 ELSE abs(c.amount) END AS apart
FROM reconciliation_upload u JOIN reconciliation_candidates c ON c.id = u.candidate
UNION ALL
SELECT u.currency, 0, u.amount, abs(u.amount::numeric - CASE WHEN c.currency = u.currency THEN c.amount ELSE 0 END)
FROM reconciliation_upload u LEFT JOIN reconciliation_candidates c ON c.id = u.candidate
UNION ALL
SELECT currency, amount, 0, abs(amount) FROM reconciliation_missing`;

async function compareTotals(db: Queryable): Promise<CurrencyComparison[]> {
  const { rows } = await db.query<{ currency: string; ledger: string; external: string; discrepancy: string }>({
    text: `SELECT currency, sum(ledger)::text AS ledger, sum(external)::text AS external, sum(apart)::text AS discrepancy
           FROM (${COMPARED}) AS compared GROUP BY currency ORDER BY currency`,
    ...OVER_ALL_ROWS,
  });
  return rows.map(({ currency, ...sums }) => {
    const [ledger, external, discrepancy] = [BigInt(sums.ledger), BigInt(sums.external), BigInt(sums.discrepancy)];
    return { currency, ledger, external, discrepancy, withinTolerance: isWithinTolerance(discrepancy, external) };
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
    text: `INSERT INTO reconciliation_totals (reconciliation_id, currency, ledger, external, discrepancy, within_tolerance)
           SELECT $1, * FROM unnest($2::text[], $3::numeric[], $4::numeric[], $5::numeric[], $6::boolean[])`,
    values: [
      toUuid(id),
      totals.map(({ currency }) => currency),
      totals.map(({ ledger }) => ledger.toString()),
      totals.map(({ external }) => external.toString()),
      totals.map(({ discrepancy }) => discrepancy?.toString()),
      totals.map(({ withinTolerance }) => withinTolerance),
    ],
  });
}

async function insertItems(db: Queryable, id: PublicId): Promise<void> {
  await db.query({
    text: `INSERT INTO reconciliation_items (reconciliation_id, seq, status, line, reference, kind, transaction_id,
                                             ledger_currency, ledger_amount, external_currency, external_amount, confidence,
                                             ledger_reference, settled_on)
           SELECT $1, row_number() OVER (ORDER BY status = 'matched', line NULLS LAST, transaction_id), found.*
           FROM (
             SELECT u.status, u.line, u.reference, coalesce(c.item_kind, nullif(u.kind, '')), c.transaction_id, c.currency,
                    c.amount, u.currency, u.amount, u.confidence, c.reference, c.settled_on
             FROM reconciliation_upload u LEFT JOIN reconciliation_candidates c ON c.id = u.candidate
             UNION ALL
             SELECT 'missing_external', NULL, t.external_ref, m.kind, m.transaction_id, m.currency, m.amount, NULL, NULL,
                    NULL, t.external_ref, s.business_date
             FROM reconciliation_missing m
             JOIN ledger_transactions t ON t.id = m.transaction_id
             CROSS JOIN (SELECT s.business_date FROM reconciliation_runs r JOIN settlement_runs s ON s.id = r.run_id
                         WHERE r.id = $1) AS s
           ) AS found (status, line, reference, kind, transaction_id, ledger_currency, ledger_amount, external_currency,
                       external_amount, confidence, ledger_reference, settled_on)`,
    values: [toUuid(id)],
    ...OVER_ALL_ROWS,
  });
}

/** Digits alone do not move money. */
async function reportedPayouts(db: Queryable): Promise<ReportedPayout[]> {
  const { rows } = await db.query<{ id: string; kind: ReportedPayout['kind'] }>({
    text: `SELECT c.transaction_id AS id, c.item_kind AS kind
           FROM reconciliation_upload u JOIN reconciliation_candidates c ON c.id = u.candidate
           WHERE c.item_kind LIKE 'payout%' AND u.status = 'matched' AND u.confidence <> 'low'
           ORDER BY c.transaction_id, c.item_kind`,
    ...OVER_ALL_ROWS,
  });
  return rows.map(({ id, kind }) => ({ id: fromUuid('out', id), kind }));
}
