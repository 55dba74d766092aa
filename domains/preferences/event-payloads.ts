import { z } from 'zod';
import { idText, momentText } from '../../core/wire-fields';
import type { EventPayloads } from '../webhooks';
import { CHANNELS } from './rules/channels';
import { LEVELS } from './rules/choices';
import { REASONS } from './rules/suppression';

const choice = z
  .object({
    level: z.enum(LEVELS).meta({ description: 'What it is about: everything, a category, or a topic.' }),
    key: z.string().meta({ description: 'Of the category or topic; empty for everything.', example: 'news' }),
    channel: z.enum(['*', ...CHANNELS]).meta({ description: 'By which channel; `*` for all.' }),
    value: z
      .boolean()
      .nullable()
      .meta({ description: 'Wanted or not; null: taken back, so that the default holds.', example: false }),
  })
  .meta({ id: 'PreferenceEventChoice' });

const quietHours = z
  .object({
    start: z.string().meta({ description: 'From this minute on.', example: '22:00' }),
    end: z.string().meta({ description: 'Up to this minute.', example: '07:00' }),
    channels: z.array(z.enum(CHANNELS)).nullable().meta({ description: 'Where they count; null for everywhere.' }),
  })
  .meta({ id: 'PreferenceEventQuietHours' });

const changed = z
  .object({
    changeId: idText('prc').meta({ description: 'The change.' }),
    kind: z
      .enum(['opt_in', 'opt_out', 'set', 'reset', 'suppressed', 'lifted', 'expiry', 'erased'])
      .meta({ description: 'What was done.', example: 'opt_out' }),
    subscriberId: idText('sub').nullable().meta({ description: 'Whose preferences; null of a suppression.' }),
    suppressionId: idText('sup')
      .nullable()
      .meta({ description: 'Which suppression; null of preferences.', example: null }),
    version: z
      .int()
      .nullable()
      .meta({ description: "The subscriber's version that it made; null of a suppression.", example: 7 }),
    choices: z
      .array(choice)
      .meta({ description: 'The choices that were made or taken back; none of a reset: all were.' }),
    quietHours: quietHours
      .nullable()
      .optional()
      .meta({ description: 'New quiet hours; null: none any more; absent: as before.' }),
    channel: z.enum(CHANNELS).nullable().meta({ description: 'Of a suppression: the channel.', example: null }),
    scope: z
      .string()
      .nullable()
      .meta({ description: 'Of a suppression: `*`, or the key of a category.', example: null }),
    reason: z.enum(REASONS).nullable().meta({ description: 'Of a suppression: why.', example: null }),
    at: momentText.meta({ description: 'When it was recorded.' }),
  })
  .meta({ id: 'PreferenceChangedEventData' });

const rowCount = (description: string) => z.int().meta({ description, example: 3 });

const bulkEnded = z
  .object({
    bulkSuppressionId: idText('blk').meta({ description: 'Which bulk suppression.' }),
    state: z.enum(['completed', 'cancelled', 'failed']).meta({ description: 'How it ended.' }),
    reason: z.enum(REASONS).meta({ description: 'Why the addresses are suppressed.' }),
    dryRun: z.boolean().meta({ description: 'Whether nothing was suppressed: the counts say what would have been.' }),
    total: rowCount('Its rows.'),
    done: rowCount('Rows that have a result.'),
    added: rowCount('Addresses that were suppressed.'),
    extended: rowCount('Suppressions that last longer now.'),
    alreadySuppressed: rowCount('Addresses that had one like it that lasts as long.'),
    invalid: rowCount('Rows that could not be understood.'),
    refused: rowCount('Rows that were understood, and cannot be done.'),
    stoppedSends: rowCount('Pending sends that were stopped.'),
    at: momentText.meta({ description: 'When it ended.' }),
  })
  .meta({ id: 'BulkSuppressionEndedEventData' });

/** What the domain's events say. */
export const PREFERENCE_EVENTS = {
  'preference.changed': {
    summary: 'What somebody wants to be sent has changed, or whether an address may be written to',
    data: changed,
  },
  'preference.bulk_suppression_ended': {
    summary: 'A bulk suppression has ended: its rows say what became of each address',
    data: bulkEnded,
  },
} as const satisfies EventPayloads;

export type PreferenceChangedData = z.input<typeof changed>;

export type BulkSuppressionEndedData = z.input<typeof bulkEnded>;
