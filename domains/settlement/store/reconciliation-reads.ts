import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import { RECONCILIATIONS_LIST } from '../../../infra/postgres/followed-lists';
import { mapPage, type Page, type PageRequest, readPage } from '../../../infra/postgres/keyset';
import type { Queryable } from '../../../infra/postgres/pool';
import {
  type Confidence,
  RECONCILIATION_STATUSES,
  type ReconciledKind,
  type ReconciliationStatus,
} from '../rules/reconcile';

/** The totals of a currency in the ledger and in the file, in minor units. */
export interface CurrencyComparison {
  currency: string;
  ledger: bigint;
  external: bigint;
  /** What does not match, added up without signs; undefined for what was compared before it was known. */
  discrepancy: bigint | undefined;
  withinTolerance: boolean;
}

export interface Reconciliation {
  id: PublicId;
  runId: PublicId;
  state: 'within_tolerance' | 'out_of_tolerance';
  actor: string;
  /** In hex. */
  fileHash: string;
  lineCount: number;
  counts: Record<ReconciliationStatus, number>;
  totals: CurrencyComparison[];
  createdAt: Date;
}

/** A value for each status. */
export function byStatus<T>(of: (status: ReconciliationStatus) => T): Record<ReconciliationStatus, T> {
  const entries = RECONCILIATION_STATUSES.map((status) => [status, of(status)] as const);
  return Object.fromEntries(entries) as Record<ReconciliationStatus, T>;
}

interface Row {
  id: string;
  run_id: string;
  state: Reconciliation['state'];
  actor: string;
  file_hash: Buffer;
  line_count: string;
  matched: string;
  missing_internal: string;
  missing_external: string;
  amount_mismatch: string;
  currency_mismatch: string;
  duplicate: string;
  created_at: Date;
}

const COLUMNS = `id, run_id, state, actor, file_hash, line_count, matched, missing_internal, missing_external, amount_mismatch,
  currency_mismatch, duplicate, created_at`;

/** Index: reconciliation_runs_pkey. */
export async function findReconciliation(
  db: Queryable,
  { tenantId, runId, id }: { tenantId: PublicId; runId: PublicId; id: PublicId },
): Promise<Reconciliation | undefined> {
  const { rows } = await db.query<Row>({
    name: 'find-reconciliation',
    text: `SELECT ${COLUMNS} FROM reconciliation_runs WHERE id = $1 AND tenant_id = $2 AND run_id = $3`,
    values: [toUuid(id), toUuid(tenantId), toUuid(runId)],
  });
  const [found] = await withTotals(db, rows);
  return found;
}

/** A settlement run's reconciliations. Index: reconciliation_runs_by_run. */
export async function listReconciliations(
  db: Queryable,
  runId: PublicId,
  request: PageRequest,
): Promise<Page<Reconciliation>> {
  const query = {
    columns: `${COLUMNS}, place`,
    table: 'reconciliation_runs',
    followed: RECONCILIATIONS_LIST,
    index: { prefix: ['run_id', toUuid(runId)] as const, key: 'place' },
  };
  const page = await readPage<Row>(db, query, request);
  return { ...page, rows: await withTotals(db, page.rows) };
}

async function withTotals(db: Queryable, rows: readonly Row[]): Promise<Reconciliation[]> {
  const totals = await db.query<{
    reconciliation_id: string;
    currency: string;
    ledger: string;
    external: string;
    discrepancy: string | null;
    within_tolerance: boolean;
  }>({
    name: 'reconciliation-totals',
    text: `SELECT reconciliation_id, currency, ledger, external, discrepancy, within_tolerance FROM reconciliation_totals
           WHERE reconciliation_id = ANY ($1::uuid[]) ORDER BY reconciliation_id, currency`,
    values: [rows.map(({ id }) => id)],
  });
  return rows.map((row) => ({
    id: fromUuid('rec', row.id),
    runId: fromUuid('set', row.run_id),
    state: row.state,
    actor: row.actor,
    fileHash: row.file_hash.toString('hex'),
    lineCount: Number(row.line_count),
    counts: byStatus((status) => Number(row[status])),
    totals: totals.rows
      .filter(({ reconciliation_id }) => reconciliation_id === row.id)
      .map(({ currency, ledger, external, discrepancy, within_tolerance }) => ({
        currency,
        ledger: BigInt(ledger),
        external: BigInt(external),
        discrepancy: discrepancy === null ? undefined : BigInt(discrepancy),
        withinTolerance: within_tolerance,
      })),
    createdAt: row.created_at,
  }));
}

/** A transaction, a line, or both, and how they match. */
export interface ReconciliationItem {
  status: ReconciliationStatus;
  line: number | undefined;
  reference: string;
  kind: ReconciledKind | undefined;
  transactionId: PublicId | undefined;
  /** What the ledger calls it. */
  ledgerReference: string | undefined;
  /** How sure it is that line and transaction are the same. */
  confidence: Confidence | undefined;
  /** The business day that the transaction was settled on, `YYYY-MM-DD`; undefined while it is not. */
  settledOn: string | undefined;
  /** What the ledger has. */
  ledger: { currency: string; amount: bigint } | undefined;
  /** What the file has. */
  external: { currency: string; amount: bigint } | undefined;
}

interface ItemRow {
  seq: string;
  status: ReconciliationStatus;
  line: string | null;
  reference: string;
  kind: ReconciledKind | null;
  transaction_id: string | null;
  ledger_reference: string | null;
  confidence: Confidence | null;
  settled_on: string | null;
  ledger_currency: string | null;
  ledger_amount: string | null;
  external_currency: string | null;
  external_amount: string | null;
}

/** A reconciliation's items, mismatches first. Index: reconciliation_items_pkey; a status is a filter. */
export async function listReconciliationItems(
  db: Queryable,
  id: PublicId,
  status: ReconciliationStatus | undefined,
  request: PageRequest,
): Promise<Page<ReconciliationItem>> {
  const query = {
    columns: `seq, status, line, reference, kind, transaction_id, ledger_currency, ledger_amount, external_currency,
      external_amount, ledger_reference, confidence, settled_on`,
    table: 'reconciliation_items',
    index: { prefix: ['reconciliation_id', toUuid(id)] as const, key: 'seq' },
    filter: status === undefined ? [] : [['status = ?', status] as const],
  };
  return mapPage(await readPage<ItemRow>(db, query, request), toItem);
}

function toItem(row: ItemRow): ReconciliationItem {
  return {
    status: row.status,
    line: row.line === null ? undefined : Number(row.line),
    reference: row.reference,
    kind: row.kind ?? undefined,
    transactionId: row.transaction_id === null ? undefined : fromUuid('ltx', row.transaction_id),
    ledgerReference: row.ledger_reference ?? undefined,
    confidence: row.confidence ?? undefined,
    settledOn: row.settled_on ?? undefined,
    ledger: toMoney(row.ledger_currency, row.ledger_amount),
    external: toMoney(row.external_currency, row.external_amount),
  };
}

function toMoney(currency: string | null, amount: string | null): { currency: string; amount: bigint } | undefined {
  return currency === null || amount === null ? undefined : { currency, amount: BigInt(amount) };
}
