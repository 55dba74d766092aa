import { z } from 'zod';
import { nonEmptyText } from '../http/schemas';

const places = 'Places such as `{{name}}` or `{{order.number}}` are filled with `data`.';

const url = nonEmptyText(2_000).meta({ description: 'Where it leads.', example: 'https://example.com/orders/1' });
const title = nonEmptyText(200).meta({ description: 'What it says first, on one line.', example: 'On its way' });
const body = nonEmptyText(4_000).meta({ description: 'What it says.', example: 'Order {{number}} arrives on Friday.' });

const card = (id: string, description: string) =>
  z.strictObject({ title, body, url: url.optional() }).meta({ id, description: `${description} ${places}` });

const email = z
  .strictObject({
    subject: nonEmptyText(500).meta({ description: 'One line.', example: 'Order {{number}} is on its way' }),
    text: nonEmptyText(100_000).meta({ description: 'Plain text.', example: 'Dear {{name}}, …' }),
    html: nonEmptyText(200_000).optional().meta({
      description: 'The same as HTML. Values are escaped; places may be in text and in quoted attributes.',
      example: '<p>Dear {{name}}, …</p>',
    }),
  })
  .meta({ id: 'EmailContent', description: `A mail. ${places}` });

const sms = z
  .strictObject({
    text: nonEmptyText(1_600).meta({ description: 'Plain text.', example: 'Order {{number}} is on its way.' }),
  })
  .meta({ id: 'SmsContent', description: `A text message. ${places}` });

/** What is said, by channel. */
export const contentSchema = z
  .strictObject({
    email: email.optional(),
    sms: sms.optional(),
    push: card('PushContent', 'A push message.').optional(),
    in_app: card('InAppContent', "An item of the subscriber's inbox.").optional(),
    webhook: card('WebhookContent', "A message to the endpoint that is the subscriber's destination.").optional(),
  })
  .refine((content) => Object.values(content).some((part) => part !== undefined), 'must have something to say')
  .meta({
    id: 'NotificationContent',
    description: 'What is said, by channel.',
    example: { email: { subject: 'Order {{number}} is on its way', text: 'Dear {{name}}, …' } },
  });
