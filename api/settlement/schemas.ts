import { z } from 'zod';
import { RUN_STATES, type SettlementRun, type Statement } from '../../domains/settlement';
import { dateSchema } from '../http/date-schemas';
import { amountText } from '../http/money-schemas';
import { idSchema, moment, momentOrNull, momentText, pageQuery, pageSchema } from '../http/schemas';
import { holdSchema } from './set-aside-routes';
import { amountsView, statementAmounts } from './statement-amounts';

export const dateParams = z.object({ date: dateSchema });
export const statementParams = z.object({ date: dateSchema, merchantId: idSchema('mer') });

export const triggerQuery = z.strictObject({
  dryRun: z
    .enum(['true', 'false'])
    .default('false')
    .meta({ description: 'Computes the statements as they would be now, and changes nothing.' }),
});

export const historyQuery = z.strictObject({
  ...pageQuery,
  from: dateSchema.optional(),
  to: dateSchema.optional(),
  status: z.enum(RUN_STATES).optional(),
});

const NO_DATES = 'At most 92 days are summed up; without dates the last 31.';
export const summaryQuery = z.strictObject({
  from: dateSchema.optional().meta({ description: NO_DATES }),
  to: dateSchema.optional().meta({ description: NO_DATES }),
});

export const runSchema = z
  .object({
    id: idSchema('set'),
    date: z.string().meta({ example: '2026-10-29' }),
    timeZone: z.string(),
    periodStart: momentText,
    periodEnd: momentText.meta({ description: 'The day ends before this moment.' }),
    status: z.enum(RUN_STATES),
    attempt: z.int(),
    trigger: z.enum(['schedule', 'manual', 'retry', 'missed']),
    workflowId: z.string(),
    workflowUrl: z.string().meta({ description: 'Its page in Temporal Web UI.' }),
    createdAt: momentText,
    finishedAt: momentText.nullable(),
    error: z.string().nullable(),
    breaches: z.array(z.object({ invariant: z.string(), detail: z.string() })),
    transactions: z.string().nullable().meta({ description: 'How many were claimed.', example: '1204' }),
    late: z.string().nullable().meta({ description: 'How many of them belong to days that were settled before.' }),
    totalsHash: z.string().nullable().meta({ description: 'SHA-256 over all statements.' }),
    audit: z
      .object({ seq: z.int(), hash: z.string() })
      .nullable()
      .meta({ description: 'The entry of the audit log that completed it; `settlement.completed` has it too.' }),
  })
  .meta({ id: 'SettlementRun' });

export const runPageSchema = pageSchema('SettlementRunPage', runSchema);

export const statementSchema = z
  .object({
    merchantId: idSchema('mer'),
    currency: z.string(),
    ...statementAmounts,
    transactions: z.string(),
    late: z.string(),
  })
  .meta({ id: 'SettlementStatement', description: 'Minor units, as the merchant sees them; fees are positive.' });

export const statementsSchema = z
  .object({ date: z.string(), data: z.array(statementSchema) })
  .meta({ id: 'SettlementStatements' });

export const totalsSchema = z
  .array(
    z.object({
      currency: z.string(),
      merchants: z.string(),
      grossSales: amountText,
      refunds: amountText,
      chargebacks: amountText,
      adjustments: amountText,
      fees: amountText,
      feeTax: amountText,
      net: amountText,
      paidOut: amountText,
    }),
  )
  .meta({ id: 'SettlementTotals' });

export const runDetailSchema = z
  .object({
    ...runSchema.shape,
    totals: totalsSchema,
    setAsideCount: z.int().meta({ description: 'How many merchants the day leaves out: they are not settled.' }),
    setAside: z.array(holdSchema).meta({ description: 'Up to 100 of them.' }),
  })
  .meta({ id: 'SettlementRunDetail' });

export const summarySchema = z
  .object({
    from: z.string().meta({ description: 'The first day that was summed up.', example: '2026-11-01' }),
    to: z.string().meta({ description: 'The last one.', example: '2026-11-30' }),
    runs: z.object({ total: z.int(), completed: z.int(), failed: z.int(), needsReview: z.int(), open: z.int() }),
    successRate: z.number().nullable().meta({ description: 'The share of ended settlements that completed, 0 to 1.' }),
    p95Seconds: z
      .number()
      .nullable()
      .meta({ description: '95th percentile of the time from start to completion, grace and reviews included.' }),
    transactions: z.string(),
    totals: totalsSchema,
  })
  .meta({ id: 'SettlementSummary' });

/** A run as answers show it. */
export function runView(run: SettlementRun, workflowUrl: (id: string) => string): z.input<typeof runSchema> {
  return {
    id: run.id,
    date: run.businessDate,
    timeZone: run.timeZone,
    periodStart: moment(run.periodStart),
    periodEnd: moment(run.periodEnd),
    status: run.state,
    attempt: run.attempt,
    trigger: run.trigger,
    workflowId: run.workflowId,
    workflowUrl: workflowUrl(run.workflowId),
    createdAt: moment(run.createdAt),
    finishedAt: momentOrNull(run.finishedAt),
    error: run.error ?? null,
    breaches: run.breaches,
    transactions: run.itemCount?.toString() ?? null,
    late: run.lateCount?.toString() ?? null,
    totalsHash: run.totalsHash ?? null,
    audit: run.audit === undefined ? null : { seq: run.audit.seq, hash: run.audit.hash.toString('hex') },
  };
}

/** A statement as answers show it. */
export function statementView(statement: Statement): z.input<typeof statementSchema> {
  return {
    merchantId: statement.merchantId,
    currency: statement.currency,
    ...amountsView(statement),
    transactions: String(statement.itemCount),
    late: String(statement.lateCount),
  };
}
