import {
  createApiKey,
  type IssuedApiKey,
  listApiKeys,
  revokeApiKey,
  rotateApiKey,
  showApiKey,
} from '../../../domains/accounts';
import { byId, pageBody, pageRequest } from '../../http/cursor';
import type { DoorContext } from '../../http/door';
import { type Route, route } from '../../http/route';
import {
  apiKeyPageSchema,
  apiKeyParams,
  apiKeyQuery,
  apiKeySchema,
  apiKeyView,
  createdApiKeySchema,
  newApiKeySchemaFor,
  rotateApiKeySchema,
} from './schemas';

const TAG = 'API keys';
const CURSOR = byId('api-keys');

export function apiKeyRoutes(deps: Pick<DoorContext, 'pool' | 'reads' | 'authenticator' | 'scopes'>): Route[] {
  const { pool, reads } = deps;
  const newApiKeySchema = newApiKeySchemaFor(deps.scopes);
  return [
    route({
      method: 'post',
      path: '/v1/api-keys',
      operationId: 'createApiKey',
      tag: TAG,
      summary: 'Create an API key',
      description:
        'The answer shows the key; only a repetition with the same `Idempotency-Key` shows it again. A key can only ' +
        'grant scopes that it has itself, unless it has `admin`.',
      scope: 'api-keys:write',
      answersSecret: true,
      idempotency: 'required',
      body: newApiKeySchema,
      responses: {
        201: { description: 'The key.', body: createdApiKeySchema, headers: { Location: "The key's path." } },
      },
      handler: async ({ body }, context) => created(await createApiKey(deps, context, body)),
    }),
    route({
      method: 'get',
      path: '/v1/api-keys',
      operationId: 'listApiKeys',
      tag: TAG,
      summary: 'List API keys, newest first',
      scope: 'api-keys:read',
      query: apiKeyQuery,
      responses: { 200: { description: 'A page of keys, revoked ones included.', body: apiKeyPageSchema } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        const page = await listApiKeys(reads, tenantId, request);
        return { status: 200, body: pageBody(CURSOR, request, page, apiKeyView) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/api-keys/{id}',
      operationId: 'getApiKey',
      tag: TAG,
      summary: 'Get an API key, without its secret',
      scope: 'api-keys:read',
      params: apiKeyParams,
      responses: { 200: { description: 'The key.', body: apiKeySchema } },
      handler: async ({ params }, { tenantId }) => ({
        status: 200,
        body: apiKeyView(await showApiKey(pool, tenantId, params.id)),
      }),
    }),
    route({
      method: 'delete',
      path: '/v1/api-keys/{id}',
      operationId: 'revokeApiKey',
      tag: TAG,
      summary: 'Revoke an API key',
      description: 'It stops working within a second. A key can only revoke keys whose scopes it has itself.',
      scope: 'api-keys:write',
      params: apiKeyParams,
      responses: { 204: { description: 'It is revoked.' } },
      handler: async ({ params }, context) => {
        await revokeApiKey(deps, context, params.id);
        return { status: 204 };
      },
    }),
    route({
      method: 'post',
      path: '/v1/api-keys/{id}/rotate',
      operationId: 'rotateApiKey',
      tag: TAG,
      summary: 'Replace an API key with a new one',
      description:
        'Makes a key with the same name and scopes. The old one keeps working for `overlap`, by default 24 hours, at ' +
        'most 7 days. The new one expires when the old one would have, unless `expiresAt` says otherwise.',
      scope: 'api-keys:write',
      answersSecret: true,
      idempotency: 'required',
      params: apiKeyParams,
      body: rotateApiKeySchema,
      responses: {
        201: { description: 'The new key.', body: createdApiKeySchema, headers: { Location: "The new key's path." } },
      },
      problems: ['wrong-state'],
      handler: async ({ params, body }, context) => created(await rotateApiKey(deps, context, { ...params, ...body })),
    }),
  ];
}

function created(key: IssuedApiKey) {
  return {
    status: 201 as const,
    headers: { location: `/v1/api-keys/${key.id}` },
    body: { ...apiKeyView(key), key: key.text },
  };
}
