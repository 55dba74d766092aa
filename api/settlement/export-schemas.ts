import { z } from 'zod';
import {
  endToEndId,
  ITEM_KINDS,
  type NamedStatement,
  type SettledDay,
  type StatementTransaction,
} from '../../domains/settlement';
import { amountText } from '../http/money-schemas';
import { idSchema, moment, momentText } from '../http/schemas';
import { amountsView, statementAmounts } from './statement-amounts';

export const exportQuery = z.strictObject({
  format: z.enum(['csv', 'camt053', 'json']).default('csv'),
  detail: z.enum(['statements', 'transactions']).default('statements').meta({
    description: 'Whether every transaction is listed.',
  }),
  bom: z.enum(['true', 'false']).default('false').meta({
    description: 'Whether a CSV file begins with a byte order mark, by which some spreadsheets recognise UTF-8.',
  }),
});

const exportedDaySchema = z.object({
  id: idSchema('set'),
  date: z.string().meta({ example: '2026-10-29' }),
  timeZone: z.string(),
  periodStart: momentText,
  periodEnd: momentText,
  state: z.enum(['completed', 'needs_review']).meta({ description: 'A day held for review may still change.' }),
  settledAt: momentText,
});

const statementSchema = z.object({
  merchantId: idSchema('mer'),
  merchantName: z.string(),
  currency: z.string(),
  ...statementAmounts,
  itemCount: z.int(),
  lateCount: z.int(),
  payoutReference: z.string().nullable().meta({ description: "The payout's name at the bank, its `EndToEndId`." }),
});

const transactionSchema = z.object({
  id: idSchema('ltx'),
  merchantId: idSchema('mer'),
  currency: z.string(),
  kind: z.enum(ITEM_KINDS),
  reference: z.string(),
  endToEndId: z.string().meta({ description: 'Its name at banks: at most 35 characters, which come back unchanged.' }),
  orderReference: z.string().nullable().meta({ description: "The order's own reference." }),
  providerReference: z.string().nullable(),
  gross: amountText,
  fee: amountText,
  feeTax: amountText,
  net: amountText,
  effectiveAt: momentText,
  late: z.boolean(),
});

export const exportSchema = z
  .object({
    run: exportedDaySchema,
    statements: z.array(statementSchema),
    transactions: z.array(transactionSchema).optional(),
  })
  .meta({ id: 'SettlementExport' });

/** A day as an export shows it. */
export function exportedDayView(day: SettledDay): z.input<typeof exportedDaySchema> {
  return {
    id: day.runId,
    date: day.date,
    timeZone: day.timeZone,
    periodStart: moment(day.periodStart),
    periodEnd: moment(day.periodEnd),
    state: day.state,
    settledAt: moment(day.settledAt),
  };
}

/** A statement as an export shows it. */
export function statementView(statement: NamedStatement): z.input<typeof statementSchema> {
  return {
    merchantId: statement.merchantId,
    merchantName: statement.merchantName,
    currency: statement.currency,
    ...amountsView(statement),
    itemCount: Number(statement.itemCount),
    lateCount: Number(statement.lateCount),
    payoutReference: statement.payoutReference ?? null,
  };
}

/** A transaction as an export shows it. */
export function transactionView(transaction: StatementTransaction): z.input<typeof transactionSchema> {
  return {
    id: transaction.id,
    merchantId: transaction.merchantId,
    currency: transaction.currency,
    kind: transaction.kind,
    reference: transaction.reference,
    endToEndId: endToEndId(transaction.reference, transaction.id),
    orderReference: transaction.orderReference ?? null,
    providerReference: transaction.providerReference ?? null,
    gross: String(transaction.gross),
    fee: String(transaction.fee),
    feeTax: String(transaction.feeTax),
    net: String(transaction.net),
    effectiveAt: moment(transaction.effectiveAt),
    late: transaction.late,
  };
}
