import { z } from 'zod';
import { CHANNELS, CLOCK_TIME, type QuietHours } from '../../domains/preferences';
import { freeMetadataSchema } from '../http/free-text';
import { idSchema } from '../http/schemas';

export const channelSchema = z.enum(CHANNELS).meta({ description: 'By which channel.', example: 'email' });

/** The key of a category or topic. */
export const keySchema = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, 'expected 1 to 64 letters, digits, ".", "_" or "-"')
  .meta({ example: 'news' });

export const subscriberParams = z.object({ id: idSchema('sub').meta({ description: 'The subscriber.' }) });

export const addressSchema = z
  .string()
  .min(1)
  .max(2_048)
  .regex(/^[^\0\p{Surrogate}]*$/u, 'must not contain NUL characters or unpaired surrogates')
  .meta({
    description:
      'An email address, a phone number with its country code, the token of a device, or the id of an endpoint, as the ' +
      'channel wants it.',
    example: 'ada@example.com',
    pattern: '^[^\\x00]*$',
  });

export const evidenceSchema = freeMetadataSchema.optional().meta({
  description:
    "What shows that they wanted it, such as the text of the form: kept in the consent log, sealed with the subscriber's key.",
  example: { form: 'signup-2026', text: 'Send me news by email.' },
});

const clockTime = z.string().regex(CLOCK_TIME, 'expected a time of day such as 22:00');

export const quietHoursSchema = z
  .strictObject({
    start: clockTime.meta({ description: 'From this minute on, by the clocks of their time zone.', example: '22:00' }),
    end: clockTime.meta({
      description: 'Up to this minute, which may be on the next day; the same as `start`: never.',
      example: '07:00',
    }),
    channels: z
      .array(z.enum(CHANNELS))
      .max(CHANNELS.length)
      .transform((channels) => [...new Set(channels)])
      .nullable()
      .default(null)
      .meta({ description: 'Where they count; null for everywhere.', example: ['push'] }),
  })
  .meta({ id: 'QuietHours', description: 'When not to be disturbed: what is sent then is put off to their end.' });

export const shownQuietHours = z
  .object({
    start: z.string().meta({ description: 'From this minute on.', example: '22:00' }),
    end: z.string().meta({ description: 'Up to this minute.', example: '07:00' }),
    channels: z.array(z.enum(CHANNELS)).nullable().meta({ description: 'Where they count; null for everywhere.' }),
  })
  .nullable()
  .meta({ description: 'When not to be disturbed; null: never.' });

/** Quiet hours as answers show them. */
export function quietHoursView(quietHours: QuietHours | undefined): z.input<typeof shownQuietHours> {
  if (quietHours === undefined) return null;
  return { ...quietHours, channels: quietHours.channels && [...quietHours.channels] };
}
