import { z } from 'zod';
import { idText, momentText } from '../../core/wire-fields';
import { type SystemEventType, TEST_EVENT_TYPE } from './rules/system-events';

/** What is said of a type of Waybill's own events. */
export interface EventPayload {
  summary: string;
  /** The event's `data`: what events are made from, and what the API's document describes. */
  data: z.ZodType;
}

/** Types of Waybill's own events, and what they say. */
export type EventPayloads = Readonly<Partial<Record<SystemEventType, EventPayload>>>;

const endpointId = idText('ep').meta({ description: 'The endpoint.' });
const endpointUrl = z.string().meta({ description: 'Where it is.', example: 'https://example.com/hooks' });

const incident = z
  .object({
    endpointId,
    url: endpointUrl,
    incidentId: idText('inc').meta({ description: 'Names the time for which its circuit is open.' }),
    since: momentText.meta({ description: 'When its circuit opened.' }),
    reason: z
      .enum(['consecutive-failures', 'failure-ratio'])
      .meta({ description: 'Why its circuit opened.', example: 'consecutive-failures' }),
    lastError: z
      .string()
      .nullable()
      .meta({ description: 'How the last attempt that is known of ended.', example: 'http-503' }),
    held: z.int().meta({ description: 'Deliveries that are held for it, counted up to 10,000.', example: 1250 }),
  })
  .meta({ id: 'EndpointIncidentEventData' });

const disabled = z
  .object({
    endpointId,
    url: endpointUrl,
    reason: z
      .string()
      .nullable()
      .meta({ description: 'Why, if that was said.', example: 'receiver answered 410 Gone' }),
  })
  .meta({ id: 'EndpointDisabledEventData' });

const delivery = z
  .object({
    deliveryId: idText('dlv').meta({ description: 'The delivery.' }),
    messageId: idText('msg').meta({ description: 'The message that it delivers.' }),
    endpointId,
    eventType: z.string().meta({ description: "The message's event type.", example: 'order.created' }),
    attempts: z.int().meta({ description: 'Attempts made so far.', example: 4 }),
    lastStatus: z
      .int()
      .nullable()
      .meta({ description: 'The status of the last answer; null without one.', example: 503 }),
    lastError: z
      .string()
      .nullable()
      .meta({ description: 'How the last attempt failed; null if it did not.', example: 'http-503' }),
  })
  .meta({ id: 'DeliveryEventData' });

/** What the domain's events say, by type. */
export const WEBHOOK_EVENTS = {
  'endpoint.failing': { summary: 'An endpoint has been failing for a while; its deliveries are held', data: incident },
  'endpoint.recovered': { summary: 'An endpoint that was failing works again', data: incident },
  'endpoint.disabled': { summary: 'An endpoint was disabled, and gets nothing any more', data: disabled },
  'delivery.failing': { summary: 'The fourth attempt of a delivery has failed', data: delivery },
  'delivery.exhausted': { summary: 'A delivery has become a dead letter: its retries are used up', data: delivery },
  'delivery.recovered': { summary: 'A delivery that was failing or exhausted is delivered', data: delivery },
  [TEST_EVENT_TYPE]: {
    summary: 'A test event, sent on demand to one endpoint',
    data: z.looseObject({}).meta({
      id: 'TestEventData',
      description: 'What the request for it gave as `payload`.',
      example: { message: 'This is a test event from Waybill.' },
    }),
  },
} as const satisfies EventPayloads;
