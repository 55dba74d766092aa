import { z } from 'zod';
import { idText } from '../../core/wire-fields';
import { type EventPayloads, NOTIFICATION_EVENT_TYPE } from '../webhooks';

const data = z
  .object({
    notificationId: idText('ntf').meta({ description: 'The notification.' }),
    subscriberId: idText('sub').meta({ description: 'Whom it is for.' }),
    topic: z.string().nullable().meta({ description: 'Its topic; null without one.', example: 'order-shipped' }),
    category: z.string().meta({ description: 'Its category.', example: 'orders' }),
    title: z.string().meta({ description: 'What it says first.', example: 'Your order is on its way' }),
    body: z.string().meta({ description: 'What it says.', example: 'It arrives on Friday.' }),
    url: z
      .string()
      .nullable()
      .meta({ description: 'Where it leads; null: nowhere.', example: 'https://example.com/o/1' }),
  })
  .meta({ id: 'NotificationEventData' });

/** What a subscriber's endpoint gets. */
export const NOTIFICATION_EVENTS = {
  [NOTIFICATION_EVENT_TYPE]: {
    summary: "A notification for a subscriber, at the endpoint that is the subscriber's destination",
    data,
  },
} as const satisfies EventPayloads;
