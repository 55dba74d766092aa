import { z } from 'zod';
import { type SystemEventType, TEST_EVENT_TYPE } from './rules/system-events';

/** What is said of a type of Waybill's own events. */
export interface EventPayload {
  summary: string;
  /** The event's `data`: what events are made from, and what the API's document describes. */
  data: z.ZodType;
}

/** Types of Waybill's own events, and what they say. */
export type EventPayloads = Readonly<Partial<Record<SystemEventType, EventPayload>>>;

/** What the domain's events say, by type. */
export const WEBHOOK_EVENTS = {
  [TEST_EVENT_TYPE]: {
    summary: 'A test event, sent on demand to one endpoint',
    data: z.looseObject({}).meta({
      id: 'TestEventData',
      description: 'What the request for it gave as `payload`.',
      example: { message: 'This is a test event from Waybill.' },
    }),
  },
} as const satisfies EventPayloads;
