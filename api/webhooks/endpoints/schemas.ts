import { z } from 'zod';
import { formatDuration } from '../../../core/duration';
import {
  DEFAULT_CIRCUIT,
  DEFAULT_HEAD_OF_LINE,
  ENDPOINT_STATES,
  type Endpoint,
  ORDERINGS,
} from '../../../domains/webhooks';
import {
  durationSchema,
  durationText,
  idSchema,
  metadataChangeSchema,
  metadataSchema,
  moment,
  momentText,
  nonEmptyText,
  pageQuery,
  pageSchema,
  text,
} from '../../http/schemas';
import {
  CIRCUIT_DESCRIPTION,
  circuitChangeSchema,
  circuitSettingsSchema,
  circuitSettingsView,
} from '../circuit/schemas';
import { channel, eventTypePattern } from '../event-schemas';
import { headersChangeSchema, headersSchema, maskHeaders } from './header-schemas';
import { DEFAULT_RETRY, retrySchema, retryView } from './retry-schemas';
import { secretSchema } from './secret-schemas';

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

const url = z.string().min(1).max(2_048).meta({
  description: 'Where messages are sent: a public https:// address.',
  example: 'https://example.com/hooks',
});
const description = text(2_000);
const eventTypes = z
  .array(eventTypePattern)
  .max(100)
  .transform((patterns) => [...new Set(patterns)])
  .meta({ description: 'Exact types, `prefix.*` or `*`. Empty for all.' });
const channels = z
  .array(channel)
  .max(10)
  .transform((names) => [...new Set(names)])
  .meta({ description: 'Only messages with one of these channels. Empty for all.' });
const timeout = durationSchema(SECOND_MS, 30 * SECOND_MS);
const rateLimit = z
  .strictObject({ limit: z.int().min(1).max(1_000_000), period: durationSchema(SECOND_MS, DAY_MS).prefault('1m') })
  .meta({
    description:
      'Most requests in any period, whenever it begins, retries and test events included. What is over it waits its turn, oldest first, and counts as no attempt. Null for no limit.',
    example: { limit: 5, period: '1m' },
  });
const tier = z.enum(['premium', 'standard', 'bulk']);

const fallbackUrl = z
  .string()
  .min(1)
  .max(2_048)
  .meta({
    description:
      "Where deliveries go while the endpoint's circuit is open, instead of being held: a public https:// address. Custom " +
      'headers go there only if it has the same origin.',
    example: 'https://backup.example.com/hooks',
  });
const holdFor = durationSchema(60 * SECOND_MS, 90 * DAY_MS);

const ordering = z.enum(ORDERINGS).meta({
  description:
    '`fifo`: deliveries go one at a time, in the order in which their messages were committed. `none`: as fast as possible.',
  example: 'fifo',
});
const headAttempts = z.int().min(1).max(100).meta({ description: 'Failed attempts of the head.', example: 3 });
const blockPolicy = z
  .strictObject({ policy: z.literal('block').meta({ description: 'They wait until it is settled.' }) })
  .meta({ id: 'HeadOfLineBlock', description: 'Those behind wait.', example: { policy: 'block' } });
const skipPolicy = z
  .strictObject({
    policy: z.literal('skip-after').meta({ description: 'They go, and it is retried out of order.' }),
    attempts: headAttempts,
  })
  .meta({
    id: 'HeadOfLineSkip',
    description: 'Those behind go after so many failures.',
    example: { policy: 'skip-after', attempts: 3 },
  });
const deadLetterPolicy = z
  .strictObject({
    policy: z.literal('dead-letter-after').meta({ description: 'It becomes a dead letter, and they go.' }),
    attempts: headAttempts,
  })
  .meta({
    id: 'HeadOfLineDeadLetter',
    description: 'The head becomes a dead letter after so many failures.',
    example: { policy: 'dead-letter-after', attempts: 3 },
  });
const headOfLine = z.discriminatedUnion('policy', [blockPolicy, skipPolicy, deadLetterPolicy]).meta({
  description:
    'What becomes of those behind a delivery that fails, at an endpoint with `ordering: fifo`. `block`: they wait until it ' +
    'is delivered, cancelled or, once a dead letter, retried with success or discarded. `skip-after`: after so many failed attempts they go, ' +
    'and it is retried out of order. `dead-letter-after`: it becomes a dead letter after so many, and they go.',
  example: { policy: 'skip-after', attempts: 3 },
});

export const newEndpointSchema = z
  .strictObject({
    url,
    description: description.default(''),
    eventTypes: eventTypes.default([]),
    channels: channels.default([]),
    headers: headersSchema.default({}),
    metadata: metadataSchema.default({}),
    retry: retrySchema.prefault(DEFAULT_RETRY),
    timeout: timeout.prefault('15s'),
    rateLimit: rateLimit.nullable().default(null),
    tier: tier.default('standard'),
    circuit: circuitSettingsSchema.optional().meta({ description: CIRCUIT_DESCRIPTION }),
    fallbackUrl: fallbackUrl.nullable().default(null),
    holdFor: holdFor.nullable().optional().meta({
      description: 'How long a delivery may be held before it becomes a dead letter; null for the usual 7 days.',
    }),
    ordering: ordering.default('none'),
    headOfLine: headOfLine.default(DEFAULT_HEAD_OF_LINE),
    secret: secretSchema.optional().meta({ description: 'The signing secret; generated if left out.' }),
  })
  .meta({ id: 'NewEndpoint', example: { url: 'https://example.com/hooks', eventTypes: ['order.*'] } });

export const endpointChangeSchema = z
  .strictObject({
    url: url.optional(),
    description: description.optional(),
    eventTypes: eventTypes.optional(),
    channels: channels.optional(),
    headers: headersChangeSchema.optional(),
    metadata: metadataChangeSchema.optional(),
    retry: retrySchema.nullable().optional().meta({ description: 'Null for the default schedule.' }),
    timeout: timeout.optional(),
    rateLimit: rateLimit.nullable().optional(),
    tier: tier.optional(),
    circuit: circuitChangeSchema.nullable().optional().meta({ description: 'Null for the defaults.' }),
    fallbackUrl: fallbackUrl.nullable().optional(),
    holdFor: holdFor.nullable().optional().meta({ description: 'Null for the usual 7 days.' }),
    ordering: ordering.optional(),
    headOfLine: headOfLine.optional(),
  })
  .meta({ id: 'EndpointChange', example: { eventTypes: ['order.*'], timeout: '10s' } });

export const stateReasonSchema = z
  .strictObject({ reason: nonEmptyText(500).optional() })
  .meta({ id: 'StateReason', example: { reason: 'maintenance' } })
  .prefault({});

const fields = {
  id: idSchema('ep'),
  url: z.string(),
  description: z.string(),
  state: z.enum(ENDPOINT_STATES).meta({
    description: 'A paused endpoint holds its deliveries; a disabled one as well, and gets no new ones.',
  }),
  stateReason: z.string().nullable(),
  stateChangedAt: momentText,
  eventTypes: z.array(z.string()),
  channels: z.array(z.string()),
  headers: z.record(z.string(), z.string()).meta({ description: 'Names of custom headers; the values are masked.' }),
  metadata: z.record(z.string(), z.string()),
  retry: z.object({ schedule: z.array(durationText) }),
  timeout: durationText,
  rateLimit: z.object({ limit: z.int(), period: durationText }).nullable(),
  tier: z.string(),
  circuit: circuitSettingsView.meta({ description: CIRCUIT_DESCRIPTION }),
  fallbackUrl: z.string().nullable().meta({ description: 'Where deliveries go while its circuit is open.' }),
  holdFor: durationText
    .nullable()
    .meta({ description: 'How long a delivery may be held before it becomes a dead letter; null for the usual time.' }),
  ordering,
  headOfLine,
  version: z.int().meta({ description: 'Grows with every change that a delivery could notice.' }),
  createdAt: momentText,
  updatedAt: momentText,
};

export const endpointSchema = z.object(fields).meta({ id: 'Endpoint' });
export const createdEndpointSchema = z
  .object({ ...fields, secret: z.string().meta({ description: 'The signing secret, for the receiver.' }) })
  .meta({ id: 'CreatedEndpoint' });
export const endpointPageSchema = pageSchema('EndpointPage', endpointSchema);
export const endpointParams = z.object({ id: idSchema('ep') });
export const endpointQuery = z.strictObject({ ...pageQuery, state: z.enum(ENDPOINT_STATES).optional() });

/** An endpoint as answers show it. */
export function endpointView(
  endpoint: Endpoint,
  headers: Readonly<Record<string, string>>,
): z.input<typeof endpointSchema> {
  const { rateLimit: rate } = endpoint;
  return {
    id: endpoint.id,
    url: endpoint.url,
    description: endpoint.description,
    state: endpoint.state,
    stateReason: endpoint.stateReason ?? null,
    stateChangedAt: moment(endpoint.stateChangedAt),
    eventTypes: endpoint.eventTypes,
    channels: endpoint.channels,
    headers: maskHeaders(headers),
    metadata: endpoint.metadata,
    retry: retryView(endpoint.retryDelaysMs),
    timeout: formatDuration(endpoint.timeoutMs),
    rateLimit: rate === undefined ? null : { limit: rate.limit, period: formatDuration(rate.periodMs) },
    tier: endpoint.tier,
    circuit: endpoint.circuit ?? DEFAULT_CIRCUIT,
    fallbackUrl: endpoint.fallbackUrl ?? null,
    holdFor: endpoint.holdForMs === undefined ? null : formatDuration(endpoint.holdForMs),
    ordering: endpoint.ordering,
    headOfLine: endpoint.headOfLine,
    version: endpoint.version,
    createdAt: moment(endpoint.createdAt),
    updatedAt: moment(endpoint.updatedAt),
  };
}
