import { z } from 'zod';
import { formatDuration } from '../../core/duration';
import {
  type Block,
  DEFAULT_EVENT_ID,
  defaultToleranceMs,
  type InboundSource,
  MAX_TOLERANCE_MS,
  POINTER,
  SCHEMES,
  type SourceSettings,
  TOPIC_ARN,
} from '../../domains/inbound';
import { isSystemEventType, SYSTEM_NAMESPACES } from '../../domains/webhooks';
import {
  durationSchema,
  durationText,
  idSchema,
  moment,
  momentText,
  nonEmptyText,
  pageQuery,
  pageSchema,
  text,
} from '../http/schemas';

const NAME_PART = '[A-Za-z0-9_-]+';

/** As a message's, which it becomes. */
const eventType = z
  .string()
  .max(128)
  .regex(
    new RegExp(`^${NAME_PART}(\\.${NAME_PART})*$`),
    'expected words of letters, digits, "_" and "-", separated by dots',
  )
  .refine(
    (name) => !isSystemEventType(name),
    `is reserved: event types whose first word is one of ${SYSTEM_NAMESPACES.join(', ')} are Waybill's own`,
  )
  .meta({ description: "The messages' event type; not one of Waybill's own.", example: 'github' });

const channel = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,128}$/, 'expected 1 to 128 letters, digits, ".", "_", ":" or "-"')
  .meta({ example: 'shop:berlin' });

const headerName = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,100}$/, 'expected the name of a header: 1 to 100 letters, digits and "-"')
  .transform((name) => name.toLowerCase())
  .meta({ description: 'The name of a header, in any case.', example: 'x-event-id' });

const pointer = z
  .string()
  .max(256)
  .regex(POINTER, 'expected a JSON Pointer such as /data/id')
  .meta({ description: 'A JSON Pointer (RFC 6901) to a string or number in the body.', example: '/data/id' });

const fromHeader = z
  .strictObject({
    from: z.literal('header').meta({ description: 'In a header.' }),
    header: headerName,
  })
  .meta({ id: 'FromHeader' });
const fromPointer = z
  .strictObject({
    from: z.literal('pointer').meta({ description: 'In the JSON body.' }),
    pointer,
  })
  .meta({ id: 'FromPointer' });
const fromBody = z
  .strictObject({
    from: z.literal('body').meta({ description: 'Nowhere: the body, with the time of signing, stands for it.' }),
  })
  .meta({ id: 'FromBody' });

const eventIdFrom = z.discriminatedUnion('from', [fromHeader, fromPointer, fromBody]).meta({
  id: 'EventIdFrom',
  description:
    "Where the sender's id of an event is: a second event with it is a repetition. An id in a header that is not signed " +
    'counts together with the body.',
  example: { from: 'pointer', pointer: '/id' },
});

const kindFrom = z.discriminatedUnion('from', [fromHeader, fromPointer]).meta({
  id: 'KindFrom',
  description: 'Where the sender says what kind of event it is; it follows behind the event type: `github.push`.',
  example: { from: 'header', header: 'x-github-event' },
});

const toEndpoints = z
  .strictObject({
    to: z.literal('endpoints').meta({ description: 'To endpoints, as messages.' }),
    eventType,
    kindFrom: kindFrom.optional(),
    channels: z
      .array(channel)
      .max(10)
      .transform((names) => [...new Set(names)])
      .default([])
      .meta({ description: 'Endpoints with channels get the messages only if they share one.' }),
  })
  .meta({ id: 'ToEndpoints' });

const toHandler = z
  .strictObject({
    to: z.literal('handler').meta({ description: 'To code of Waybill itself.' }),
    handler: z
      .string()
      .regex(/^[a-z0-9-]{1,64}$/, 'expected 1 to 64 lower-case letters, digits and "-"')
      .meta({ description: 'Which one; `keep` only keeps the event, for trying out a source.', example: 'keep' }),
  })
  .meta({ id: 'ToHandler' });

const route = z.discriminatedUnion('to', [toEndpoints, toHandler]).meta({
  id: 'InboundRoute',
  description: 'What becomes of the events.',
  example: {
    to: 'endpoints',
    eventType: 'github',
    kindFrom: { from: 'header', header: 'x-github-event' },
    channels: [],
  },
});

/** What comes between several signatures is no part of one. */
const PREFIX = /^[\x21-\x2b\x2d-\x7e]{0,100}$/;

const signing = z
  .strictObject({
    header: headerName.meta({ description: 'The header with the signature, or several.', example: 'x-signature' }),
    prefix: z
      .string()
      .regex(PREFIX, 'expected at most 100 visible ASCII characters, without spaces and commas')
      .default('')
      .meta({ description: 'What a signature begins with, such as `sha256=`.', example: 'v0=' }),
    timestampHeader: headerName.optional().meta({
      description: 'The header with the time of signing, in seconds or milliseconds since 1970.',
      example: 'x-request-timestamp',
    }),
    template: text(200)
      .optional()
      .meta({
        description:
          'What is signed: `{body}` once, `{timestamp}` if there is a `timestampHeader`, and `{id}` if it is signed too. ' +
          'By default `{body}`, or `{timestamp}.{body}`.',
        example: 'v0:{timestamp}:{body}',
      }),
  })
  .transform(({ template, timestampHeader, ...rest }) => ({
    ...rest,
    timestampHeader,
    template: template ?? (timestampHeader === undefined ? '{body}' : '{timestamp}.{body}'),
  }))
  .meta({ id: 'HmacSigning', description: 'How senders of `hmac-hex` and `hmac-base64` sign.' });

const topicArns = z
  .array(
    z.string().regex(TOPIC_ARN, 'expected the ARN of a topic, such as arn:aws:sns:eu-central-1:123456789012:bounces'),
  )
  .max(20)
  .transform((arns) => [...new Set(arns)])
  .meta({
    description: 'Of `sns`, and required there: the topics whose messages it takes.',
    example: ['arn:aws:sns:eu-central-1:123456789012:bounces'],
  });

const name = nonEmptyText(200);
const tolerance = durationSchema(1_000, MAX_TOLERANCE_MS).meta({
  description: 'How far the time of signing may be from now, either way.',
});
const enabled = z.boolean().meta({ description: 'Whether it takes events.' });

/** A secret as the sender shows it, or as it is given to the sender. */
export const inboundSecret = z
  .string()
  .regex(/^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/, 'expected 1 to 255 visible ASCII characters')
  .meta({ example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' });

export const newSourceSchema = z
  .strictObject({
    name,
    description: text(2_000).default(''),
    enabled: enabled.default(true),
    scheme: z.enum(SCHEMES).meta({ description: 'How the sender signs, or what it shows. It cannot be changed.' }),
    signing: signing.optional(),
    topicArns: topicArns.optional(),
    eventId: eventIdFrom.optional(),
    tolerance: tolerance.optional().meta({
      description:
        'How far the time of signing may be from now, either way. By default `5m`; `1h` for `sns`, `sendgrid` and ' +
        '`mailgun`, which may keep the time when they send an event again.',
    }),
    route,
    secret: inboundSecret.optional().meta({
      description:
        'What the sender signs with. Generated if left out; Stripe, Shopify and Mailgun make it themselves, so give theirs. ' +
        'Of `sendgrid` its verification key, of `basic-auth` a user name and a password with a colon between them, of ' +
        '`sns` none.',
    }),
  })
  .meta({
    id: 'NewInboundSource',
    example: {
      name: 'GitHub',
      scheme: 'github',
      route: {
        to: 'endpoints',
        eventType: 'github',
        kindFrom: { from: 'header', header: 'x-github-event' },
        channels: [],
      },
    },
  });

export const sourceChangeSchema = z
  .strictObject({
    name: name.optional(),
    description: text(2_000).optional(),
    enabled: enabled.optional(),
    signing: signing.optional(),
    topicArns: topicArns.optional(),
    eventId: eventIdFrom.optional(),
    tolerance: tolerance.optional(),
    route: route.optional(),
  })
  .meta({ id: 'InboundSourceChange', example: { enabled: false } });

const shownSigning = z
  .object({
    header: z.string().meta({ description: 'The header with the signature, or several.' }),
    prefix: z.string().meta({ description: 'What a signature begins with.' }),
    timestampHeader: z
      .string()
      .nullable()
      .meta({ description: 'The header with the time of signing; null without one.' }),
    template: z.string().meta({ description: 'What is signed.', example: '{body}' }),
  })
  .meta({ id: 'ShownSigning' });

const fields = {
  id: idSchema('src'),
  url: z.string().meta({
    description: 'Where the sender posts to, below the address of this API.',
    example: '/v1/inbound/src_019e0c7b5d0e7cc2a7b1f30d1f2a9c11',
  }),
  name: z.string(),
  description: z.string(),
  enabled,
  scheme: z.enum(SCHEMES).meta({ description: 'How the sender signs.' }),
  signing: shownSigning.nullable().meta({ description: 'How exactly; null for a scheme that says so itself.' }),
  topicArns: z.array(z.string()).meta({
    description: 'The topics whose messages it takes; of `sns` only.',
    example: ['arn:aws:sns:eu-central-1:123456789012:bounces'],
  }),
  eventId: eventIdFrom,
  tolerance: durationText.meta({ description: 'How far the time of signing may be from now, either way.' }),
  route,
  createdAt: momentText,
  updatedAt: momentText,
};

export const sourceSchema = z.object(fields).meta({ id: 'InboundSource' });
export const createdSourceSchema = z
  .object({
    ...fields,
    secret: z
      .string()
      .nullable()
      .meta({ description: 'What the sender signs with. It is shown only now; null for `sns`, which has none.' }),
  })
  .meta({ id: 'CreatedInboundSource' });
export const sourcePageSchema = pageSchema('InboundSourcePage', sourceSchema);
export const sourceParams = z.object({ id: idSchema('src') });
export const sourceQuery = z.strictObject(pageQuery);

export const blocksSchema = z
  .object({
    data: z.array(
      z
        .object({
          address: z
            .string()
            .meta({ description: 'An IPv4 address, or the /64 network of an IPv6 address.', example: '203.0.113.7' }),
          failures: z.int().meta({ description: 'How many of its requests were refused.' }),
          until: momentText.meta({ description: 'When it may try again.' }),
        })
        .meta({ id: 'InboundBlock' }),
    ),
  })
  .meta({ id: 'InboundBlocks' });

/** Settings as a request gives them. */
export function settingsOf(body: z.output<typeof newSourceSchema>): SourceSettings {
  const { name, description, enabled, scheme, signing, topicArns, eventId, tolerance, route } = body;
  return {
    name,
    description,
    enabled,
    scheme,
    signing,
    topicArns: topicArns ?? [],
    eventId: eventId ?? DEFAULT_EVENT_ID[scheme],
    toleranceMs: tolerance ?? defaultToleranceMs(scheme),
    route: routeOf(route),
  };
}

/** The given ones of a change. */
export function changeOf({ tolerance, route, ...rest }: z.output<typeof sourceChangeSchema>) {
  return { ...rest, toleranceMs: tolerance, route: route === undefined ? undefined : routeOf(route) };
}

function routeOf(given: z.output<typeof route>): SourceSettings['route'] {
  return given.to === 'handler' ? given : { ...given, kindFrom: given.kindFrom };
}

/** A source as answers show it. */
export function sourceView(source: InboundSource): z.input<typeof sourceSchema> {
  const { signing, route } = source;
  return {
    id: source.id,
    url: `/v1/inbound/${source.id}`,
    name: source.name,
    description: source.description,
    enabled: source.enabled,
    scheme: source.scheme,
    signing: signing === undefined ? null : { ...signing, timestampHeader: signing.timestampHeader ?? null },
    topicArns: [...source.topicArns],
    eventId: source.eventId,
    tolerance: formatDuration(source.toleranceMs),
    route,
    createdAt: moment(source.createdAt),
    updatedAt: moment(source.updatedAt),
  };
}

export function blockView({ address, failures, until }: Block) {
  return { address, failures, until: moment(until) };
}
