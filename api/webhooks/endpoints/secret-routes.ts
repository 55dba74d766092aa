import { rotateSecret, showSecrets } from '../../../domains/webhooks';
import type { DoorContext } from '../../http/door';
import { type Route, route } from '../../http/route';
import { endpointParams } from './schemas';
import { endpointSecretSchema, rotateSecretSchema, secretsView } from './secret-schemas';

const TAG = 'Endpoint secrets';

export function endpointSecretRoutes(deps: Pick<DoorContext, 'pool' | 'keyring'>): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/endpoints/{id}/secret',
      operationId: 'getEndpointSecret',
      tag: TAG,
      summary: 'Show the current signing secrets',
      scope: 'endpoint-secrets:read',
      params: endpointParams,
      responses: { 200: { description: 'The secrets.', body: endpointSecretSchema } },
      handler: async ({ params }, { tenantId }) => ({
        status: 200,
        body: secretsView(await showSecrets(deps, tenantId, params.id)),
      }),
    }),
    route({
      method: 'post',
      path: '/v1/endpoints/{id}/secret/rotate',
      operationId: 'rotateEndpointSecret',
      tag: TAG,
      summary: 'Replace the signing secret',
      description:
        'For `overlap`, by default 24 hours, at most 7 days, messages carry signatures of both secrets: the receiver ' +
        'can switch at any moment in between. Even older secrets end no later than that.',
      scope: 'endpoint-secrets:write',
      answersSecret: true,
      params: endpointParams,
      body: rotateSecretSchema,
      responses: { 200: { description: 'The secrets as they are now.', body: endpointSecretSchema } },
      problems: ['wrong-state'],
      handler: async ({ params, body }, context) => {
        const rotation = { endpointId: params.id, secret: body.secret, overlapMs: body.overlap };
        return { status: 200, body: secretsView(await rotateSecret(deps, context, rotation)) };
      },
    }),
  ];
}
