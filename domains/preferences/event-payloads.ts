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

/** What the domain's event says. */
export const PREFERENCE_EVENTS = {
  'preference.changed': {
    summary: 'What somebody wants to be sent has changed, or whether an address may be written to',
    data: changed,
  },
} as const satisfies EventPayloads;

export type PreferenceChangedData = z.input<typeof changed>;
