import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { momentText } from '../../core/wire-fields';

/** The tag of what Waybill sends. */
export const EVENTS_TAG = 'Events';

/** Waybill's own events by type: what each means, and the schema of its `data`. */
export type EventDescriptions = Readonly<Record<string, { summary: string; data: z.ZodType }>>;

const headers = z.object({
  'webhook-id': z.string().meta({
    description: 'The message. It stays the same when an attempt is repeated: whoever has seen it has seen the event.',
    example: 'msg_019e0c7b5d0e7cc2a7b1f30d1f2a9c11',
  }),
  'webhook-timestamp': z
    .string()
    .meta({ description: 'When this attempt was made, in seconds since 1970.', example: '1795699200' }),
  'webhook-signature': z.string().meta({
    description: 'Signatures of Standard Webhooks, separated by spaces.',
    example: 'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
  }),
});

const RESPONSES = {
  '2XX': { description: 'It is delivered.' },
  '410': { description: 'The endpoint is gone: it is disabled, and gets nothing any more.' },
  default: { description: 'It is sent again, as the retry schedule of the endpoint says.' },
};

/** Describes what endpoints get of Waybill's own events. */
export function registerEvents(registry: OpenAPIRegistry, events: EventDescriptions): void {
  for (const [type, { summary, data }] of Object.entries(events)) {
    const schema = z
      .object({
        type: z.literal(type).meta({ description: 'The type of the event.', example: type }),
        timestamp: momentText.meta({ description: 'When the event was stored.' }),
        data,
      })
      .meta({ id: `${pascalCase(type)}Event`, description: `${summary}.` });
    registry.registerWebhook({
      method: 'post',
      path: type,
      operationId: `on${pascalCase(type)}`,
      tags: [EVENTS_TAG],
      summary,
      description: `What an endpoint that subscribes to \`${type}\` gets, signed according to Standard Webhooks.`,
      security: [],
      request: { headers, body: { required: true, content: { 'application/json': { schema } } } },
      responses: RESPONSES,
    });
  }
}

/** `payment.needs_review` as `PaymentNeedsReview`. */
function pascalCase(type: string): string {
  return type.replace(/(?:^|[._])([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}
