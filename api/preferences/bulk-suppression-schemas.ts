import { z } from 'zod';
import {
  BULK_RESULTS,
  BULK_STATES,
  type BulkSuppression,
  bulkProgressOf,
  bulkSuppressionWorkflowId,
  MOST_LISTED,
  openRowAddress,
  REASONS,
  type StoredBulkRow,
} from '../../domains/preferences';
import type { DoorContext } from '../http/door';
import { freeText } from '../http/free-text';
import { idSchema, moment, momentOrNull, momentText, pageQuery, pageSchema } from '../http/schemas';
import { channelSchema } from './shared-schemas';

const CELL = z
  .string()
  .max(2_048)
  .regex(/^[^\0\p{Surrogate}]*$/u, 'must not contain NUL characters or unpaired surrogates');

const cell = (description: string, example: string) => CELL.meta({ description, example, pattern: '^[^\\x00]*$' });

const rowSchema = z
  .strictObject({
    address: cell(
      'What is suppressed, as its channel wants it. One that is none is said of its row.',
      'ada@example.com',
    ),
    channel: cell('By which channel, where it is not the one for all.', 'email').optional(),
    scope: cell('`*` for everything, or the key of a category. Default `*`.', '*').optional(),
    expiresAt: cell('From this second on it no longer counts; without it never.', '2030-01-31T12:00:00Z').optional(),
  })
  .meta({ id: 'BulkSuppressionNewRow' });

export const rowsSchema = z
  .array(rowSchema)
  .min(1)
  .max(MOST_LISTED, `may have ${MOST_LISTED} rows; send more as CSV`)
  .meta({
    id: 'BulkSuppressionNewRows',
    example: [{ address: 'ada@example.com' }, { address: 'b@example.com', scope: 'news' }],
  });

export const csvSchema = z.string().meta({
  format: 'binary',
  minLength: 1,
  example: 'address,channel,scope,expires_at\r\nada@example.com,email,*,\r\n',
  description:
    'CSV (RFC 4180) in UTF-8. The first row names the columns, in any order: `address` and, where wanted, `channel`, `scope` ' +
    'and `expires_at`; empty cells count as not given.',
});

export const newBulkQuery = z.strictObject({
  reason: z.enum(REASONS).meta({ description: 'Why nothing is sent to them.', example: 'admin_action' }),
  note: freeText(500).meta({
    description: 'Why, in words: for who has to approve it, and for the audit log.',
    example: 'Customers of the shop that closed in May',
  }),
  channel: channelSchema.optional().meta({ description: 'Of rows that name none.', example: 'email' }),
  dryRun: z
    .enum(['true', 'false'])
    .default('false')
    .meta({ description: 'Whether only to say what would become of each row: nothing is suppressed.' }),
});

const rows = (description: string) => z.int().meta({ description });

export const bulkSchema = z
  .object({
    id: idSchema('blk'),
    state: z.enum(BULK_STATES).meta({
      description:
        '`receiving`: its rows arrive; `incomplete`: they have no end, or were refused, and nothing was suppressed; `waiting` ' +
        'for another API key to approve it; `rejected` by it; `running`; `cancelling`: what follows rows that are done is ' +
        'carried out; `cancelled`; `completed`; `failed`: see `lastError`.',
    }),
    reason: z.enum(REASONS).meta({ description: 'Why nothing is sent to them.' }),
    note: z.string().meta({ description: 'Why, in words.' }),
    dryRun: z.boolean().meta({ description: 'Whether nothing is suppressed: the counts say what would be.' }),
    total: rows('Rows that have arrived.'),
    done: rows('Rows that have a result.'),
    added: rows('Addresses that are suppressed by it.'),
    extended: rows('Suppressions that last longer by it.'),
    alreadySuppressed: rows('Rows of which one like it is in force and lasts as long.'),
    invalid: rows('Rows that cannot be understood.'),
    refused: rows('Rows that are understood, and cannot be done.'),
    stoppedSends: rows('Pending sends that were stopped by it.'),
    approvalId: idSchema('apr')
      .nullable()
      .meta({ description: 'What another API key has to approve, or has; null where nobody has to.', example: null }),
    lastError: z.string().nullable().meta({ description: 'Why it failed.', example: null }),
    createdBy: z.string().meta({ description: 'The API key that asked for it.' }),
    createdAt: momentText,
    updatedAt: momentText,
    endedAt: momentText.nullable().meta({ description: 'When it ended; null until then.' }),
    workflowId: z.string(),
    workflowUrl: z.string(),
  })
  .meta({ id: 'BulkSuppression' });

export const bulkPageSchema = pageSchema('BulkSuppressionPage', bulkSchema);
export const bulkParams = z.object({ id: idSchema('blk') });
export const bulkQuery = z.strictObject({
  ...pageQuery,
  state: z.enum(BULK_STATES).optional().meta({ description: 'Only those in this state.' }),
});

export const bulkRowSchema = z
  .object({
    number: z.int().meta({ description: 'Its place, from 1; a header does not count.' }),
    address: z
      .string()
      .nullable()
      .meta({ description: 'As it was given; null once its subscriber is erased.', example: 'ada@example.com' }),
    channel: channelSchema.nullable().meta({ description: 'By which channel; null if there is no such channel.' }),
    scope: z.string().nullable().meta({ description: '`*`, or a key; null if it is neither.', example: '*' }),
    expiresAt: momentText.nullable().meta({ description: 'From when on it does not count; null: never.' }),
    result: z
      .enum([...BULK_RESULTS, 'pending'])
      .meta({ description: 'What became of it, or in a dry run would; `pending`: it is not done.' }),
    problem: z.string().nullable().meta({ description: 'What is wrong with it.', example: null }),
    suppressionId: idSchema('sup')
      .nullable()
      .meta({ description: 'The suppression that stops the address now; null without one.' }),
  })
  .meta({ id: 'BulkSuppressionRow' });

export const bulkRowPageSchema = pageSchema('BulkSuppressionRowPage', bulkRowSchema);
export const bulkRowQuery = z.strictObject({
  ...pageQuery,
  result: z.enum(BULK_RESULTS).optional().meta({ description: 'Only rows with this result.' }),
});

/** A bulk suppression as answers show it. */
export function bulkView(bulk: BulkSuppression, workflowUrl: DoorContext['workflowUrl']): z.input<typeof bulkSchema> {
  const { id, state, reason, note, dryRun, approvalId, lastError, actor, createdAt, updatedAt, endedAt } = bulk;
  const workflowId = bulkSuppressionWorkflowId(id);
  return {
    id,
    state,
    reason,
    note,
    dryRun,
    ...bulkProgressOf(bulk),
    approvalId: approvalId ?? null,
    lastError: lastError ?? null,
    createdBy: actor,
    createdAt: moment(createdAt),
    updatedAt: moment(updatedAt),
    endedAt: momentOrNull(endedAt),
    workflowId,
    workflowUrl: workflowUrl(workflowId),
  };
}

/** A row as answers show it. */
export function bulkRowView(
  { keyring }: Pick<DoorContext, 'keyring'>,
  row: StoredBulkRow,
): z.input<typeof bulkRowSchema> {
  const { number, channel, scope, expiresAt, result, problem, suppressionId } = row;
  return {
    number,
    address: openRowAddress(keyring, row) ?? null,
    channel: channel ?? null,
    scope: scope ?? null,
    expiresAt: momentOrNull(expiresAt),
    result: result ?? 'pending',
    problem: problem ?? null,
    suppressionId: suppressionId ?? null,
  };
}
