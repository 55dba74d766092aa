import { z } from 'zod';
import {
  byStatus,
  ITEM_KINDS,
  RECONCILIATION_STATUSES,
  type Reconciliation,
  type ReconciliationItem,
} from '../../domains/settlement';
import { dateSchema } from '../http/date-schemas';
import { amountText } from '../http/money-schemas';
import { idSchema, moment, momentText, pageQuery, pageSchema } from '../http/schemas';

export const reconciliationParams = z.object({ date: dateSchema, id: idSchema('rec') });

export const reconciliationFileSchema = z.string().meta({
  example: 'reference,currency,amount,type\r\npay_019e0c7b5d0e7cc2a7b1f30d1f2a9c11,EUR,12.50,capture\r\n',
  description:
    'CSV in UTF-8 with a header: `reference`, `currency`, `amount` and optionally `type`. The amount is an exact decimal ' +
    'in major units, gross, signed as the merchant sees it; with types, refunds and chargebacks need no sign.',
});

const moneySchema = z.object({ currency: z.string(), amount: amountText });

export const reconciliationSchema = z
  .object({
    id: idSchema('rec'),
    date: z.string().meta({ example: '2026-10-29' }),
    state: z.enum(['within_tolerance', 'out_of_tolerance']).meta({
      description: 'Whether the variance in every currency is 0 or less than 0.1 % of the external total.',
    }),
    createdBy: z.string().meta({ description: "The API key's id." }),
    fileSha256: z.string().meta({ description: "Of the file's text in UTF-8, without a byte order mark." }),
    lines: z.int(),
    counts: z.object(byStatus(() => z.int())),
    totals: z.array(
      z.object({
        currency: z.string(),
        ledger: amountText,
        external: amountText,
        variance: amountText.meta({ description: 'Ledger less external.' }),
        withinTolerance: z.boolean(),
      }),
    ),
    createdAt: momentText,
  })
  .meta({ id: 'Reconciliation' });

export const reconciliationPageSchema = pageSchema('ReconciliationPage', reconciliationSchema);

const statusSchema = z.enum(RECONCILIATION_STATUSES).meta({
  description:
    '`missing_internal`: the file has it, the day does not; `missing_external`: the other way round; `duplicate`: the ' +
    'file has the reference more often than the day.',
});

export const reconciliationItemQuery = z.strictObject({ ...pageQuery, status: statusSchema.optional() });

export const reconciliationItemPageSchema = pageSchema(
  'ReconciliationItemPage',
  z
    .object({
      status: statusSchema,
      line: z.int().nullable().meta({ description: "The file's line." }),
      reference: z.string(),
      type: z.enum(ITEM_KINDS).nullable(),
      transactionId: idSchema('ltx').nullable(),
      ledger: moneySchema.nullable(),
      external: moneySchema.nullable(),
    })
    .meta({ id: 'ReconciliationItem' }),
);

/** A reconciliation as answers show it. */
export function reconciliationView(date: string, found: Reconciliation): z.input<typeof reconciliationSchema> {
  return {
    id: found.id,
    date,
    state: found.state,
    createdBy: found.actor,
    fileSha256: found.fileHash,
    lines: found.lineCount,
    counts: found.counts,
    totals: found.totals.map(({ currency, ledger, external, withinTolerance }) => ({
      currency,
      ledger: String(ledger),
      external: String(external),
      variance: String(ledger - external),
      withinTolerance,
    })),
    createdAt: moment(found.createdAt),
  };
}

/** An item as answers show it. */
export function reconciliationItemView(
  item: ReconciliationItem,
): z.input<typeof reconciliationItemPageSchema>['data'][number] {
  return {
    status: item.status,
    line: item.line ?? null,
    reference: item.reference,
    type: item.kind ?? null,
    transactionId: item.transactionId ?? null,
    ledger: moneyView(item.ledger),
    external: moneyView(item.external),
  };
}

function moneyView(money: ReconciliationItem['ledger']): z.input<typeof moneySchema> | null {
  return money === undefined ? null : { currency: money.currency, amount: String(money.amount) };
}
