import { z } from 'zod';
import { addInboundSecret, type InboundSecret, removeInboundSecret, showInboundSecrets } from '../../domains/inbound';
import type { DoorContext } from '../http/door';
import { type Route, route } from '../http/route';
import { durationSchema, idSchema, moment, momentOrNull, momentText } from '../http/schemas';
import { inboundSecret, sourceParams } from './source-schemas';

const TAG = 'Inbound sources';
const DAY_MS = 86_400_000;

const fields = {
  id: idSchema('ins'),
  createdAt: momentText,
  expiresAt: momentText
    .nullable()
    .meta({ description: 'From when on it verifies nothing; null: until it is removed.' }),
};

const secretSchema = z.object(fields).meta({ id: 'InboundSecret' });
const addedSecretSchema = z
  .object({ ...fields, secret: z.string().meta({ description: 'What the sender signs with. It is shown only now.' }) })
  .meta({ id: 'AddedInboundSecret' });
const secretsSchema = z.object({ data: z.array(secretSchema) }).meta({ id: 'InboundSecrets' });

const newSecretSchema = z
  .strictObject({
    secret: inboundSecret.optional().meta({
      description: 'Generated if left out; Stripe, Shopify, SendGrid and Mailgun make it themselves, so give theirs.',
    }),
    overlap: durationSchema(0, 30 * DAY_MS)
      .nullable()
      .prefault('24h')
      .meta({
        description: 'How long the other secrets go on verifying; null: until they are removed.',
        default: '24h',
      }),
  })
  .meta({ id: 'NewInboundSecret', example: { overlap: '24h' } })
  .prefault({});

const secretParams = sourceParams.extend({ secretId: idSchema('ins').meta({ description: 'The secret.' }) });

function secretView({ id, createdAt, expiresAt }: InboundSecret) {
  return { id, createdAt: moment(createdAt), expiresAt: momentOrNull(expiresAt) };
}

/** Secrets of sources. Those that are kept are never shown again. */
export function secretRoutes(context: DoorContext): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/inbound/sources/{id}/secrets',
      operationId: 'listInboundSecrets',
      tag: TAG,
      summary: "List a source's secrets, newest first",
      description: 'Only since when and until when they verify.',
      scope: 'inbound:read',
      params: sourceParams,
      responses: { 200: { description: 'The secrets, without their texts.', body: secretsSchema } },
      handler: async ({ params }, { tenantId }) => ({
        status: 200,
        body: { data: (await showInboundSecrets(context, tenantId, params.id)).map(secretView) },
      }),
    }),
    route({
      method: 'post',
      path: '/v1/inbound/sources/{id}/secrets',
      operationId: 'addInboundSecret',
      tag: TAG,
      summary: 'Add a secret to a source',
      description:
        'For `overlap`, by default 24 hours, requests may be signed with the others as well: the sender can switch at any ' +
        'moment in between. A source has at most ten.',
      scope: 'inbound:write',
      answersSecret: true,
      params: sourceParams,
      body: newSecretSchema,
      responses: { 201: { description: 'The new secret.', body: addedSecretSchema } },
      problems: ['wrong-state'],
      handler: async ({ params, body }, { tenantId, keyId, effectId, fence }) => {
        const addition = { sourceId: params.id, secret: body.secret, overlapMs: body.overlap };
        const added = await addInboundSecret(context, { tenantId, keyId, effectId, fence }, addition);
        return { status: 201, body: { ...secretView(added), secret: added.secret } };
      },
    }),
    route({
      method: 'delete',
      path: '/v1/inbound/sources/{id}/secrets/{secretId}',
      operationId: 'removeInboundSecret',
      tag: TAG,
      summary: "Remove one of a source's secrets at once",
      scope: 'inbound:write',
      params: secretParams,
      responses: { 204: { description: 'It verifies nothing any more.' } },
      problems: ['wrong-state'],
      handler: async ({ params }, { tenantId, keyId }) => {
        await removeInboundSecret(context, { tenantId, keyId, id: params.id }, params.secretId);
        return { status: 204 };
      },
    }),
  ];
}
