import { csvRecord, csvText } from '../../../core/csv';
import { formatDecimal } from '../../../core/money';
import { endToEndId } from './references';
import type { NamedStatement, SettledDay, StatementTransaction } from './statement';

/** The header of a CSV file of statements. */
export const STATEMENT_COLUMNS = csvRecord([
  'business_date',
  'merchant_id',
  'merchant_name',
  'currency',
  'opening',
  'gross_sales',
  'refunds',
  'chargebacks',
  'adjustments',
  'fees',
  'fee_tax',
  'reserve_held',
  'reserve_released',
  'net',
  'paid_out',
  'closing',
  'item_count',
  'late_count',
  'run_id',
  'state',
  'payout_reference',
]);

/** A statement as a line of a CSV file, amounts in major units. */
export function statementRecord(day: SettledDay, statement: NamedStatement): string {
  const money = (amount: bigint) => formatDecimal(amount, statement.currency);
  return csvRecord([
    day.date,
    statement.merchantId,
    csvText(statement.merchantName),
    statement.currency,
    money(statement.opening),
    money(statement.grossSales),
    money(statement.refunds),
    money(statement.chargebacks),
    money(statement.adjustments),
    money(statement.fees),
    money(statement.feeTax),
    money(statement.reserveHeld),
    money(statement.reserveReleased),
    money(statement.net),
    money(statement.paidOut),
    money(statement.closing),
    String(statement.itemCount),
    String(statement.lateCount),
    day.runId,
    day.state,
    statement.payoutReference ?? '',
  ]);
}

/** The header of a CSV file of transactions. */
export const TRANSACTION_COLUMNS = csvRecord([
  'business_date',
  'merchant_id',
  'currency',
  'transaction_id',
  'kind',
  'reference',
  'effective_at',
  'late',
  'gross',
  'fee',
  'fee_tax',
  'net',
  'run_id',
  'state',
  'end_to_end_id',
  'order_reference',
  'provider_reference',
]);

/** A transaction as a line of a CSV file, amounts in major units. */
export function transactionRecord(day: SettledDay, transaction: StatementTransaction): string {
  const money = (amount: bigint) => formatDecimal(amount, transaction.currency);
  return csvRecord([
    day.date,
    transaction.merchantId,
    transaction.currency,
    transaction.id,
    transaction.kind,
    csvText(transaction.reference),
    transaction.effectiveAt.toISOString(),
    String(transaction.late),
    money(transaction.gross),
    money(transaction.fee),
    money(transaction.feeTax),
    money(transaction.net),
    day.runId,
    day.state,
    csvText(endToEndId(transaction.reference, transaction.id)),
    csvText(transaction.orderReference ?? ''),
    csvText(transaction.providerReference ?? ''),
  ]);
}
