import { z } from 'zod';
import {
  byStatus,
  CONFIDENCES,
  DELIMITERS,
  RECONCILED_KINDS,
  RECONCILIATION_STATUSES,
  type Reconciliation,
  type ReconciliationItem,
} from '../../domains/settlement';
import { dateSchema } from '../http/date-schemas';
import { amountText } from '../http/money-schemas';
import { idSchema, moment, momentText, pageQuery, pageSchema } from '../http/schemas';

export const reconciliationParams = z.object({ date: dateSchema, id: idSchema('rec') });

/** How many business days before and after the file may be about, unless it is said. */
const DEFAULT_DAYS = 3;
const MOST_DAYS = 7;

const delimiterNames = Object.keys(DELIMITERS) as (keyof typeof DELIMITERS)[];

export const reconciliationQuery = z.strictObject({
  days: z
    .string()
    .regex(/^[0-7]$/, `must be a number from 0 to ${MOST_DAYS}`)
    .default(String(DEFAULT_DAYS))
    .meta({ description: 'Of how many business days before and after, transactions may be in the file.' }),
  delimiter: z.enum(delimiterNames).optional().meta({
    description: 'What separates the cells of a CSV file; by default found out from its header.',
  }),
  decimal: z.enum(['point', 'comma']).optional().meta({
    description: 'What stands before decimals in a CSV file; by default found out from its amounts.',
  }),
});

export const reconciliationFileSchema = z.string().meta({
  format: 'binary',
  minLength: 1,
  example: 'reference,currency,amount,type\r\npay_019e0c7b5d0e7cc2a7b1f30d1f2a9c11,EUR,12.50,capture\r\n',
  description:
    'camt.053 of any version, or CSV with a header: `reference`, `currency`, `amount` and optionally `type`. The amount ' +
    'is an exact decimal in major units, gross, signed as the merchant sees it (`1234.50`, `+12.5`, `25.00-`, ' +
    '`1.234,50`); with types, refunds, chargebacks and payouts need no sign. Text is in UTF-8 or the charset that the ' +
    '`Content-Type` or the XML declares.',
});

const moneySchema = z.object({ currency: z.string(), amount: amountText });

export const reconciliationSchema = z
  .object({
    id: idSchema('rec'),
    date: z.string().meta({ example: '2026-10-29' }),
    state: z.enum(['within_tolerance', 'out_of_tolerance']).meta({
      description: 'Whether the discrepancy in every currency is 0 or less than 0.1 % of the external total.',
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
        discrepancy: amountText.nullable().meta({
          description:
            'What does not match, added up without signs: what is missing on one side does not make up for what is ' +
            'missing on the other. Null for what was compared before it was known.',
        }),
        withinTolerance: z.boolean(),
      }),
    ),
    createdAt: momentText,
  })
  .meta({ id: 'Reconciliation' });

export const reconciliationPageSchema = pageSchema('ReconciliationPage', reconciliationSchema);

const statusSchema = z.enum(RECONCILIATION_STATUSES).meta({
  description:
    '`missing_internal`: the file has it, neither the day nor its neighbours do; `missing_external`: the other way ' +
    "round; `duplicate`: the file has the reference more often than they do, or a neighbour's file has it too.",
});

export const reconciliationItemQuery = z.strictObject({ ...pageQuery, status: statusSchema.optional() });

export const reconciliationItemPageSchema = pageSchema(
  'ReconciliationItemPage',
  z
    .object({
      status: statusSchema,
      line: z.int().nullable().meta({ description: "The file's line; in camt.053 the transaction's number, from 1." }),
      reference: z.string().meta({ description: 'As the file has it.' }),
      confidence: z
        .enum(CONFIDENCES)
        .nullable()
        .meta({
          description:
            'How sure it is that line and transaction are the same. `exact`: by a name of the transaction; `high`: by one ' +
            'with other case, spaces or punctuation, or with words around it; `medium`: by the first 20 characters or ' +
            'more of one; `low`: by its digits.',
        }),
      type: z.enum(RECONCILED_KINDS).nullable(),
      transactionId: idSchema('ltx').nullable(),
      ledgerReference: z.string().nullable().meta({ description: 'What the ledger has the transaction for.' }),
      settledOn: z.string().nullable().meta({
        example: '2026-10-29',
        description: "The transaction's business day; null while it is not settled.",
      }),
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
    totals: found.totals.map(({ currency, ledger, external, discrepancy, withinTolerance }) => ({
      currency,
      ledger: String(ledger),
      external: String(external),
      variance: String(ledger - external),
      discrepancy: discrepancy === undefined ? null : String(discrepancy),
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
    confidence: item.confidence ?? null,
    type: item.kind ?? null,
    transactionId: item.transactionId ?? null,
    ledgerReference: item.ledgerReference ?? null,
    settledOn: item.settledOn ?? null,
    ledger: moneyView(item.ledger),
    external: moneyView(item.external),
  };
}

function moneyView(money: ReconciliationItem['ledger']): z.input<typeof moneySchema> | null {
  return money === undefined ? null : { currency: money.currency, amount: String(money.amount) };
}
