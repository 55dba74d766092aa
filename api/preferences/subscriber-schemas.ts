import { z } from 'zod';
import {
  type Destination,
  MOST_DESTINATIONS,
  openAddress,
  openProfile,
  type Subscriber,
} from '../../domains/preferences';
import type { DoorContext } from '../http/door';
import { freeMetadataSchema, ownNumber } from '../http/free-text';
import { idSchema, moment, momentText, pageQuery, pageSchema, timeZoneSchema } from '../http/schemas';
import { addressSchema, channelSchema, quietHoursSchema, quietHoursView, shownQuietHours } from './shared-schemas';

const externalId = ownNumber(200).meta({ description: 'Your own id of them.', example: 'customer-4711' });

const locale = z
  .string()
  .regex(/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$/, 'expected a language tag such as de-AT')
  .meta({ description: 'Their language, as a BCP 47 tag.', example: 'en-GB' });

const profile = freeMetadataSchema.meta({
  description: "What else you keep with them: your own names and values, sealed with the subscriber's key.",
  example: { firstName: 'Ada' },
});

const newDestination = z
  .strictObject({ channel: channelSchema, address: addressSchema })
  .meta({ id: 'NewDestination', example: { channel: 'email', address: 'ada@example.com' } });

export const newDestinationSchema = newDestination;

export const newSubscriberSchema = z
  .strictObject({
    externalId,
    locale: locale.optional(),
    timeZone: timeZoneSchema.optional().meta({ description: 'Their time zone, by which quiet hours count.' }),
    quietHours: quietHoursSchema.optional().meta({ description: 'When not to disturb them.' }),
    profile: profile.default({}),
    destinations: z
      .array(newDestination)
      .max(MOST_DESTINATIONS)
      .default([])
      .meta({ description: 'Where they are reached. Spellings of one address are one.' }),
  })
  .meta({
    id: 'NewSubscriber',
    example: {
      externalId: 'customer-4711',
      locale: 'en-GB',
      timeZone: 'Europe/London',
      destinations: [{ channel: 'email', address: 'ada@example.com' }],
    },
  });

export const subscriberChangeSchema = z
  .strictObject({
    externalId: externalId.optional(),
    locale: locale.nullable().optional(),
    timeZone: timeZoneSchema.nullable().optional().meta({ description: 'Null for UTC.' }),
    profile: profile.optional(),
  })
  .meta({ id: 'SubscriberChange', example: { timeZone: 'Asia/Riyadh' } });

export const subscriberSchema = z
  .object({
    id: idSchema('sub'),
    externalId: z.string().meta({ description: 'Your own id of them.', example: 'customer-4711' }),
    locale: z.string().nullable().meta({ description: 'Their language; null if it is not known.', example: 'en-GB' }),
    timeZone: z.string().nullable().meta({ description: 'Their time zone; null for UTC.', example: 'Europe/London' }),
    quietHours: shownQuietHours,
    profile: z.record(z.string(), z.string()).meta({ description: 'Your own names and values.' }),
    preferenceVersion: z
      .int()
      .meta({ description: 'Grows with everything that decisions about them depend on.', example: 3 }),
    createdAt: momentText,
    updatedAt: momentText,
  })
  .meta({ id: 'Subscriber' });

export const subscriberPageSchema = pageSchema('SubscriberPage', subscriberSchema);

export const subscriberQuery = z.strictObject({
  ...pageQuery,
  externalId: z.string().min(1).max(200).optional().meta({ description: 'Only the one with this id of yours.' }),
  channel: channelSchema.optional().meta({ description: 'Of the `address`.' }),
  address: addressSchema.optional().meta({ description: 'Only those with this address, in whatever spelling.' }),
});

export const destinationSchema = z
  .object({
    id: idSchema('dst'),
    channel: channelSchema,
    address: z.string().meta({ description: 'As it was given.', example: 'ada@example.com' }),
    createdAt: momentText,
  })
  .meta({ id: 'Destination' });

export const destinationPageSchema = pageSchema('DestinationPage', destinationSchema);

/** A subscriber as answers show them. */
export function subscriberView(
  context: Pick<DoorContext, 'keyring'>,
  subscriber: Subscriber,
): z.input<typeof subscriberSchema> {
  return {
    id: subscriber.id,
    externalId: subscriber.externalId ?? '',
    locale: subscriber.locale ?? null,
    timeZone: subscriber.timeZone ?? null,
    quietHours: quietHoursView(subscriber.quietHours),
    profile: openProfile(context, subscriber),
    preferenceVersion: subscriber.preferenceVersion,
    createdAt: moment(subscriber.createdAt),
    updatedAt: moment(subscriber.updatedAt),
  };
}

/** A destination as answers show it. */
export function destinationView(
  { keyring }: Pick<DoorContext, 'keyring'>,
  destination: Destination,
): z.input<typeof destinationSchema> {
  const { id, channel, createdAt } = destination;
  return { id, channel, address: openAddress(keyring, destination), createdAt: moment(createdAt) };
}
