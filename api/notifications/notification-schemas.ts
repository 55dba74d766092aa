import { z } from 'zod';
import {
  type Content,
  type Notification,
  type NotificationWish,
  SEND_STATES,
  type Send,
} from '../../domains/notifications';
import { CHANNELS, DECISION_LEVELS, RULES } from '../../domains/preferences';
import {
  idSchema,
  integerText,
  moment,
  momentOrNull,
  momentText,
  nonEmptyText,
  pageQuery,
  pageSchema,
} from '../http/schemas';
import { contentSchema } from './content-schemas';

/** The key of a topic, category or template. */
export const keySchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected 1 to 64 letters, digits, ".", "_" and "-"')
  .meta({ example: 'order-shipped' });

const channel = z.enum(CHANNELS).meta({ example: 'email' });

/** Values by name; objects within objects are reached by names with dots between them. */
export const dataSchema = z
  .record(z.string(), z.unknown())
  .default({})
  .meta({
    description: 'What places are filled with: values by name, and objects of them.',
    example: { name: 'Ada', order: { number: '1042' } },
  });

const to = {
  subscriberId: idSchema('sub').optional().meta({ description: 'Whom it is for; or give `externalId`.' }),
  externalId: nonEmptyText(255).optional().meta({ description: 'Your own id of the subscriber.', example: 'u-17' }),
};
const about = {
  topic: keySchema.optional().meta({ description: 'What it is about; its category counts. Or give `category`.' }),
  category: keySchema.optional().meta({ description: 'Its category, if it has no topic.', example: 'orders' }),
};
const says = {
  template: keySchema.optional().meta({ description: 'The template that says it; or give `content`.' }),
  templateVersion: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .meta({ description: 'A version of the template; the latest if left out.', example: 3 }),
  content: contentSchema.optional(),
};

export const newNotificationSchema = z
  .strictObject({
    ...to,
    ...about,
    ...says,
    channels: z.array(channel).min(1).max(CHANNELS.length).optional().meta({
      description:
        'By which channels; left out: by all that it says something for and the subscriber has an address for.',
    }),
    data: dataSchema,
  })
  .superRefine(({ subscriberId, externalId, topic, category, template, content, templateVersion }, ctx) => {
    const one = (a: unknown, b: unknown, names: [string, string]) => {
      if ((a === undefined) !== (b === undefined)) return;
      ctx.addIssue({ code: 'custom', path: [names[0]], message: `give either ${names[0]} or ${names[1]}` });
    };
    one(subscriberId, externalId, ['subscriberId', 'externalId']);
    one(topic, category, ['topic', 'category']);
    one(template, content, ['template', 'content']);
    if (templateVersion !== undefined && template === undefined) {
      ctx.addIssue({ code: 'custom', path: ['templateVersion'], message: 'is of a template: give template as well' });
    }
  })
  .meta({
    id: 'NewNotification',
    example: { externalId: 'u-17', topic: 'order-shipped', template: 'order-shipped', data: { number: '1042' } },
  });

const decision = z
  .object({
    decision: z.enum(['allow', 'deny', 'defer']).meta({ description: '`defer`: not before quiet hours end.' }),
    rule: z.enum(RULES).meta({ description: 'What decided.' }),
    level: z.enum(DECISION_LEVELS).meta({ description: 'Where the record that decided stands.' }),
    recordId: z
      .string()
      .nullable()
      .meta({ description: 'The choice or suppression that decided; null where none did.' }),
    reason: z.string().nullable().meta({ description: "The suppression's reason; null where none decided." }),
    preferenceVersion: z.int().meta({ description: "The version of the subscriber's preferences that it went by." }),
    decidedAt: momentText.meta({ description: "When, by the database's clock." }),
  })
  .meta({ id: 'SendDecision', description: 'The last decision about it; each try is decided about anew.' });

const send = z
  .object({
    id: idSchema('snd'),
    channel,
    destinationId: idSchema('dst').nullable().meta({ description: 'The address; null where there is none.' }),
    state: z.enum(SEND_STATES).meta({
      description:
        '`pending` until its turn; `sending` once it is allowed and handed over; then `sent`, `suppressed` (not allowed), ' +
        '`failed` or `cancelled`.',
    }),
    attempts: z.int().meta({ description: 'How often it was tried.' }),
    nextAttemptAt: momentText.nullable().meta({ description: 'When it is decided about next; null when it is over.' }),
    deferredUntil: momentText.nullable().meta({ description: 'When quiet hours end that put it off; null: none do.' }),
    decision: decision.nullable(),
    providerReference: z.string().nullable().meta({ description: 'What the provider answered; null until then.' }),
    lastError: z.string().nullable().meta({ description: 'What went wrong with the last try; null if nothing did.' }),
    endedAt: momentText.nullable().meta({ description: 'When it was over; null until then.' }),
  })
  .meta({ id: 'NotificationSend' });

const fields = {
  id: idSchema('ntf'),
  subscriberId: idSchema('sub').meta({ description: 'Whom it is for.' }),
  topic: z.string().nullable().meta({ description: 'What it is about; null without one.', example: 'order-shipped' }),
  category: z.string().nullable().meta({ description: 'Its category, if it has no topic.', example: 'orders' }),
  template: z.string().nullable().meta({ description: 'The template that says it; null without one.' }),
  templateVersion: z.int().nullable().meta({ description: 'Its version; null without one.' }),
  sends: z.array(send).meta({ description: 'One for each address.' }),
  contentExpired: z.boolean().meta({ description: 'Whether what it says was forgotten.' }),
  workflowId: z.string(),
  workflowUrl: z.string(),
  createdBy: z.string().meta({ description: 'The API key that asked for it.' }),
  createdAt: momentText,
};

export const notificationSummarySchema = z.object(fields).meta({ id: 'NotificationSummary' });
export const notificationSchema = z
  .object({ ...fields, content: contentSchema.nullable().meta({ description: 'What it says; null once forgotten.' }) })
  .meta({ id: 'Notification' });
export const notificationPageSchema = pageSchema('NotificationPage', notificationSummarySchema);
export const notificationParams = z.object({ id: idSchema('ntf') });
export const notificationQuery = z.strictObject({
  ...pageQuery,
  subscriberId: idSchema('sub').optional().meta({ description: 'Only for this subscriber.' }),
});

/** A version of a template in a path. */
export const versionText = integerText({ min: 1, max: 1_000_000, description: 'The version.' });

/** A wish as a request gives it. */
export function wishOf(body: z.output<typeof newNotificationSchema>): NotificationWish {
  const { subscriberId, externalId = '', topic, category = '', template, templateVersion, content, channels } = body;
  return {
    to: subscriberId === undefined ? { externalId } : { subscriberId },
    occasion: topic === undefined ? { category } : { topic },
    says: content === undefined ? { template: template ?? '', version: templateVersion } : { content },
    channels,
    data: body.data,
  };
}

/** A notification as lists show it. */
export function summaryView(
  notification: Notification,
  sends: readonly Send[],
  workflowUrl: (workflowId: string) => string,
): z.input<typeof notificationSummarySchema> {
  const { template } = notification;
  return {
    id: notification.id,
    subscriberId: notification.subscriberId,
    topic: notification.topic ?? null,
    category: notification.category ?? null,
    template: template?.key ?? null,
    templateVersion: template?.version ?? null,
    sends: sends.map(sendView),
    contentExpired: notification.contentSealed === undefined,
    workflowId: notification.workflowId,
    workflowUrl: workflowUrl(notification.workflowId),
    createdBy: notification.createdBy,
    createdAt: moment(notification.createdAt),
  };
}

/** What a notification says, as answers show it. */
export function contentView(content: Content | undefined): z.input<typeof contentSchema> | null {
  return content ?? null;
}

function sendView({ decision: made, ...sent }: Send): z.input<typeof send> {
  return {
    id: sent.id,
    channel: sent.channel,
    destinationId: sent.destinationId ?? null,
    state: sent.state,
    attempts: sent.attempts,
    nextAttemptAt: momentOrNull(sent.nextAttemptAt),
    deferredUntil: momentOrNull(sent.deferredUntil),
    decision:
      made === undefined
        ? null
        : {
            decision: made.decision,
            rule: made.rule as z.input<typeof decision>['rule'],
            level: made.level as z.input<typeof decision>['level'],
            recordId: made.recordId ?? null,
            reason: made.reason ?? null,
            preferenceVersion: made.preferenceVersion,
            decidedAt: moment(made.decidedAt),
          },
    providerReference: sent.providerReference ?? null,
    lastError: sent.lastError ?? null,
    endedAt: momentOrNull(sent.endedAt),
  };
}
