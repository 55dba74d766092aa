import { z } from 'zod';
import {
  checkDecision,
  DECISION_LEVELS,
  type Decision,
  explainDecision,
  REASONS,
  RULES,
  type Rule,
} from '../../domains/preferences';
import type { DoorContext } from '../http/door';
import { invalidField, Problem } from '../http/problems';
import { type Route, route } from '../http/route';
import { idSchema, momentOrNull, momentSchema, momentText } from '../http/schemas';
import { channelSchema, keySchema, subscriberParams } from './shared-schemas';

const EXPLANATIONS: Readonly<Record<Rule, string>> = {
  erased: 'The subscriber has been erased.',
  'unknown-category': 'There is no such category or topic.',
  'no-destination': 'There is no address for this channel.',
  suppressed: 'The address is suppressed for a reason that stops even what is required.',
  required: 'The category is required, so what the subscriber chose does not count.',
  unsubscribed: 'The address was suppressed on request.',
  'opted-out': 'The subscriber does not want it. Any refusal that applies denies, however broad or narrow.',
  'opted-in': 'The subscriber wants it, and nothing denies.',
  'category-default': 'The subscriber has chosen nothing, so the policy of the category decides.',
  'quiet-hours': 'The subscriber is not to be disturbed now.',
};

const decisionSchema = z
  .object({
    decision: z
      .enum(['allow', 'deny', 'defer'])
      .meta({ description: '`defer`: not now; ask again at `until`.', example: 'deny' }),
    rule: z.enum(RULES).meta({ description: 'What decided.', example: 'opted-out' }),
    level: z.enum(DECISION_LEVELS).meta({ description: 'Where what decided stands.', example: 'category' }),
    recordId: z
      .string()
      .nullable()
      .meta({ description: 'The suppression or choice that decided; null where none did.' }),
    reason: z.enum(REASONS).nullable().meta({ description: 'The reason of the suppression; null where none decided.' }),
    version: z.int().meta({ description: "The subscriber's version that it was decided by.", example: 3 }),
    until: momentText.nullable().meta({ description: 'When quiet hours end; null otherwise.' }),
    explanation: z.string().meta({ description: 'The rule, for people.', example: EXPLANATIONS['opted-out'] }),
  })
  .meta({ id: 'Decision' });

const checkQuery = z.strictObject({
  channel: channelSchema,
  category: keySchema.optional().meta({ description: 'What would be sent is of this category; or give a `topic`.' }),
  topic: keySchema
    .optional()
    .meta({ description: 'What would be sent is about this topic.', example: 'order-shipped' }),
  destinationId: idSchema('dst')
    .optional()
    .meta({ description: 'Only this address; without it, what stops one of the channel stops all.' }),
  at: momentSchema.optional().meta({ description: 'As if it were this moment, by what is known now.' }),
});

export function checkRoute(context: DoorContext): Route {
  return route({
    method: 'get',
    path: '/v1/subscribers/{id}/check',
    operationId: 'checkPreference',
    tag: 'Preferences',
    summary: 'Ask whether something may be sent, and why',
    description:
      'For people, and for what is not sent through here: it may have changed a moment later. Notifications are decided about ' +
      'in the transaction that hands them over.',
    scope: 'preferences:read',
    params: subscriberParams,
    query: checkQuery,
    responses: { 200: { description: 'The decision.', body: decisionSchema } },
    handler: async ({ params, query }, { tenantId }) => {
      const { channel, category, topic, destinationId, at } = query;
      if ((category === undefined) === (topic === undefined)) {
        throw invalidField('query', '#/category', 'or a topic is required, one of both');
      }
      const place = { tenantId, subscriberId: params.id, channel, category, topic, destinationId };
      const decision =
        at === undefined ? await checkDecision(context, place) : await explainDecision(context.reads, { ...place, at });
      if (decision === undefined) throw new Problem('not-found');
      return { status: 200, body: decisionView(decision) };
    },
  });
}

function decisionView({ until, recordId, reason, ...decision }: Decision): z.input<typeof decisionSchema> {
  return {
    ...decision,
    recordId: recordId ?? null,
    reason: reason ?? null,
    until: momentOrNull(until === undefined ? undefined : new Date(until)),
    explanation: EXPLANATIONS[decision.rule],
  };
}
