import { z } from 'zod';
import { CHANNELS, type ChoiceChange, type ShownPreferences, type StoredChoice } from '../../domains/preferences';
import { idSchema, moment, momentText } from '../http/schemas';
import { evidenceSchema, keySchema, quietHoursSchema, quietHoursView, shownQuietHours } from './shared-schemas';

const MOST_AT_ONCE = 100;

const channelScope = z
  .enum(['*', ...CHANNELS])
  .default('*')
  .meta({ description: 'By which channel; `*` for all.', default: '*', example: 'email' });

const place = {
  category: keySchema.optional().meta({ description: 'The key of a category; neither this nor `topic`: everything.' }),
  topic: keySchema.optional().meta({ description: 'The key of a topic.', example: 'order-shipped' }),
  channel: channelScope,
};

const ONE_OF_BOTH = 'must have a category or a topic, not both';

const placeSchema = z
  .strictObject(place)
  .refine(({ category, topic }) => category === undefined || topic === undefined, ONE_OF_BOTH)
  .meta({ id: 'PreferencePlace', example: { category: 'news', channel: 'email' } });

const settingSchema = z
  .strictObject({
    ...place,
    value: z.boolean().nullable().meta({
      description: 'Wanted or not; null takes the choice back, so that the default holds.',
      example: false,
    }),
  })
  .refine(({ category, topic }) => category === undefined || topic === undefined, ONE_OF_BOTH)
  .meta({ id: 'PreferenceSetting', example: { category: 'news', channel: 'email', value: false } });

export const optSchema = z
  .strictObject({
    choices: z.array(placeSchema).min(1).max(MOST_AT_ONCE).meta({ description: 'What it is about.' }),
    evidence: evidenceSchema,
  })
  .meta({ id: 'PreferenceOpt', example: { choices: [{ category: 'news', channel: 'email' }] } });

export const preferenceChangeSchema = z
  .strictObject({
    choices: z.array(settingSchema).max(MOST_AT_ONCE).default([]).meta({ description: 'What is to change.' }),
    quietHours: quietHoursSchema.nullable().optional().meta({ description: 'Null for none; left out, they stay.' }),
    evidence: evidenceSchema,
  })
  .meta({
    id: 'PreferenceChange',
    example: {
      choices: [{ category: 'news', value: true }],
      quietHours: { start: '22:00', end: '07:00', channels: null },
    },
  });

export const resetSchema = z
  .strictObject({ evidence: evidenceSchema })
  .meta({ id: 'PreferenceReset', example: {} })
  .prefault({});

const choiceSchema = z
  .object({
    id: idSchema('prf'),
    category: z.string().nullable().meta({ description: 'The category; null of a topic or of everything.' }),
    topic: z.string().nullable().meta({ description: 'The topic; null of a category or of everything.' }),
    channel: z.enum(['*', ...CHANNELS]).meta({ description: 'By which channel; `*` for all.' }),
    value: z.boolean().meta({ description: 'Wanted or not.' }),
    version: z.int().meta({ description: 'The version that it was made with.', example: 3 }),
    updatedBy: z.string().meta({ description: 'Who made it: an API key, or `one_click`.' }),
    updatedAt: momentText,
  })
  .meta({ id: 'PreferenceChoice' });

export const preferencesSchema = z
  .object({
    subscriberId: idSchema('sub').meta({ description: 'Whose.' }),
    version: z.int().meta({ description: 'Grows with everything that decisions about them depend on.', example: 3 }),
    timeZone: z.string().nullable().meta({ description: 'By which quiet hours count; null for UTC.' }),
    quietHours: shownQuietHours,
    choices: z.array(choiceSchema).meta({ description: 'What they have chosen; where nothing, defaults hold.' }),
  })
  .meta({ id: 'Preferences' });

export const changedSchema = z
  .object({
    changeId: idSchema('prc').meta({ description: 'The change, as the event `preference.changed` names it.' }),
    version: z.int().meta({ description: 'The version that it made.', example: 4 }),
    preferences: preferencesSchema.meta({ description: 'What they want now.' }),
  })
  .meta({ id: 'ChangedPreferences' });

type Place = z.output<typeof placeSchema>;

/** Choices as the domain takes them. */
export function choicesOf<V extends boolean | null>(
  places: readonly (Place & { value: V })[],
): (ChoiceChange & { value: V })[] {
  return places.map(({ category, topic, channel, value }) => ({
    level: category !== undefined ? 'category' : topic !== undefined ? 'topic' : 'global',
    key: category ?? topic ?? '',
    channel,
    value,
  }));
}

/** What somebody wants, as answers show it. */
export function preferencesView(
  subscriberId: string,
  { version, timeZone, quietHours, choices }: ShownPreferences,
): z.input<typeof preferencesSchema> {
  return {
    subscriberId,
    version,
    timeZone: timeZone ?? null,
    quietHours: quietHoursView(quietHours),
    choices: choices.map(choiceView),
  };
}

function choiceView({ id, level, key, channel, value, version, updatedBy, updatedAt }: StoredChoice) {
  return {
    id,
    category: level === 'category' ? key : null,
    topic: level === 'topic' ? key : null,
    channel,
    value,
    version,
    updatedBy,
    updatedAt: moment(updatedAt),
  };
}
