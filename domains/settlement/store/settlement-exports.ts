import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { EntryTotals } from '../rules/camt053';
import type { ItemKind } from '../rules/reconcile';
import { payoutReference } from '../rules/references';
import type { NamedStatement, Statement, StatementTransaction } from '../rules/statement';
import { NO_MERCHANT, type StatementRow, toStatement } from './settlement-records';
import { transactionNames } from './transaction-names';

// A run's rows are read by pages, each a transaction of its own: no connection is held while a client takes its time, and
// no more than a page is in memory. What a completed run holds does not change between pages.

const PAGE = 5_000;

/** Whether a run has any statement. Index: settlement_records_pkey. */
export async function hasStatements(db: Queryable, runId: PublicId): Promise<boolean> {
  const { rows } = await db.query({
    name: 'export-has-statements',
    text: 'SELECT FROM settlement_records WHERE run_id = $1 LIMIT 1',
    values: [toUuid(runId)],
  });
  return rows.length > 0;
}

interface NamedStatementRow extends StatementRow {
  merchant_name: string;
}

/**
 * A run's statements by merchant and currency, page by page. Index: settlement_records_pkey, merchants_pkey.
 *
 * @param db - `inExport`
 */
export async function* statementPages(db: Queryable, runId: PublicId): AsyncGenerator<NamedStatement[]> {
  let after: [string, string] = [toUuid(NO_MERCHANT), ''];
  for (;;) {
    const { rows } = await db.query<NamedStatementRow>({
      name: 'export-statements',
      text: `SELECT r.merchant_id, m.name AS merchant_name, r.currency, r.opening, r.gross_sales, r.refunds, r.chargebacks,
                    r.adjustments, r.fees, r.fee_tax, r.reserve_held, r.reserve_released, r.net, r.paid_out, r.closing,
                    r.item_count, r.late_count
             FROM settlement_records r JOIN merchants m ON m.id = r.merchant_id
             WHERE r.run_id = $1 AND (r.merchant_id, r.currency) > ($2, $3)
             ORDER BY r.merchant_id, r.currency LIMIT ${PAGE}`,
      values: [toUuid(runId), ...after],
    });
    if (rows.length > 0) yield rows.map((row) => named(runId, row));
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = [last.merchant_id, last.currency];
  }
}

function named(runId: PublicId, row: NamedStatementRow): NamedStatement {
  const statement = toStatement(row);
  const { merchantId, currency, paidOut } = statement;
  const reference = paidOut > 0n ? payoutReference(runId, merchantId, currency) : undefined;
  return { ...statement, merchantName: row.merchant_name, payoutReference: reference };
}

interface TransactionRow {
  transaction_id: string;
  merchant_id: string;
  currency: string;
  kind: ItemKind;
  external_ref: string;
  gross: string;
  fee: string;
  fee_tax: string;
  net: string;
  effective_at: Date;
  late: boolean;
}

/**
 * A run's transactions by merchant, currency and id, page by page. Index: settlement_items_by_run,
 * ledger_transactions_pkey.
 *
 * @param db - `inExport`
 */
export async function* transactionPages(db: Queryable, runId: PublicId): AsyncGenerator<StatementTransaction[]> {
  let after: [string, string, string] = [toUuid(NO_MERCHANT), '', toUuid(NO_MERCHANT)];
  for (;;) {
    const { rows } = await db.query<TransactionRow>({
      name: 'export-transactions',
      text: `SELECT i.transaction_id, i.merchant_id, i.currency, i.kind, t.external_ref, i.gross, i.fee, i.fee_tax, i.net,
                    i.effective_at, i.late
             FROM settlement_items i JOIN ledger_transactions t ON t.id = i.transaction_id
             WHERE i.run_id = $1 AND (i.merchant_id, i.currency, i.transaction_id) > ($2, $3, $4)
             ORDER BY i.merchant_id, i.currency, i.transaction_id LIMIT ${PAGE}`,
      values: [toUuid(runId), ...after],
    });
    if (rows.length > 0) yield await withNames(db, rows.map(toTransaction));
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = [last.merchant_id, last.currency, last.transaction_id];
  }
}

async function withNames(db: Queryable, page: StatementTransaction[]): Promise<StatementTransaction[]> {
  const names = await transactionNames(db, page);
  return page.map((transaction) => ({ ...transaction, ...names.get(transaction.reference) }));
}

function toTransaction(row: TransactionRow): StatementTransaction {
  return {
    id: fromUuid('ltx', row.transaction_id),
    merchantId: fromUuid('mer', row.merchant_id),
    currency: row.currency,
    kind: row.kind,
    reference: row.external_ref,
    gross: BigInt(row.gross),
    fee: BigInt(row.fee),
    feeTax: BigInt(row.fee_tax),
    net: BigInt(row.net),
    effectiveAt: row.effective_at,
    late: row.late,
  };
}

/** The signed nets of transactions, added up for each statement of a page, by {@link statementKey}. */
export type TransactionTotals = Map<string, EntryTotals>;

/** The key of a statement within its run. */
export function statementKey({ merchantId, currency }: Pick<Statement, 'merchantId' | 'currency'>): string {
  return `${merchantId} ${currency}`;
}

/**
 * Credits and debits of the transactions of a page of statements. Index: settlement_items_by_run.
 *
 * @param db - `inExport`
 */
export async function transactionTotals(
  db: Queryable,
  runId: PublicId,
  page: readonly Statement[],
): Promise<TransactionTotals> {
  const [first, last] = [page[0], page.at(-1)];
  if (first === undefined || last === undefined) return new Map();
  const { rows } = await db.query<{
    merchant_id: string;
    currency: string;
    credits: string;
    credit_sum: string;
    debits: string;
    debit_sum: string;
  }>({
    name: 'export-transaction-totals',
    text: `SELECT merchant_id, currency, count(*) FILTER (WHERE net >= 0) AS credits,
                  coalesce(sum(net) FILTER (WHERE net >= 0), 0)::text AS credit_sum,
                  count(*) FILTER (WHERE net < 0) AS debits,
                  coalesce(-sum(net) FILTER (WHERE net < 0), 0)::text AS debit_sum
           FROM settlement_items
           WHERE run_id = $1 AND (merchant_id, currency) >= ($2, $3) AND (merchant_id, currency) <= ($4, $5)
           GROUP BY merchant_id, currency`,
    values: [toUuid(runId), toUuid(first.merchantId), first.currency, toUuid(last.merchantId), last.currency],
  });
  return new Map(
    rows.map((row) => [
      statementKey({ merchantId: fromUuid('mer', row.merchant_id), currency: row.currency }),
      {
        credits: { count: BigInt(row.credits), sum: BigInt(row.credit_sum) },
        debits: { count: BigInt(row.debits), sum: BigInt(row.debit_sum) },
      },
    ]),
  );
}
