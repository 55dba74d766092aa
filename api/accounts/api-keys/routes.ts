import { asId, type PublicId } from '../../../core/ids';
import {
  type ApiKey,
  endApiKeyAfter,
  findApiKey,
  findTenant,
  insertApiKey,
  listApiKeys,
  type NewApiKey,
  newApiKey,
  replaceApiKeySecret,
  revokeApiKey,
  type ScopeSet,
} from '../../../domains/accounts';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import { byId, pageBody, pageRequest } from '../../http/cursor';
import type { DoorContext } from '../../http/door';
import { invalidField, Problem } from '../../http/problems';
import { lacksScope } from '../../http/refusals';
import { type Route, route, type TenantContext } from '../../http/route';
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

export function apiKeyRoutes({
  pool,
  authenticator,
  scopes,
}: Pick<DoorContext, 'pool' | 'authenticator' | 'scopes'>): Route[] {
  const newApiKeySchema = newApiKeySchemaFor(scopes);
  return [
    route({
      method: 'post',
      path: '/v1/api-keys',
      operationId: 'createApiKey',
      tag: TAG,
      summary: 'Create an API key',
      description:
        'The answer shows the key; only a repetition with the same `Idempotency-Key` shows it again. A key can only ' +
        'give scopes that it has itself.',
      scope: 'api-keys:write',
      idempotency: 'required',
      body: newApiKeySchema,
      responses: {
        201: { description: 'The key.', body: createdApiKeySchema, headers: { Location: "The key's path." } },
      },
      handler: async ({ body }, context) => {
        const tenantId = await tenantFor(pool, body.tenantId, context);
        if (!context.scopes.allows('admin')) mustHold(context.scopes, body.scopes);
        const { name, scopes, expiresAt } = body;
        const id = asId('apiKey', context.effectId);
        const key = await inTransaction(pool, async (client) => {
          await context.fence(client);
          return (await shownAnew(client, tenantId, id)) ?? store(client, { id, tenantId, name, scopes, expiresAt });
        });
        return created(key);
      },
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
        const page = await listApiKeys(pool, tenantId, request);
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
        body: apiKeyView(await find(pool, tenantId, params.id)),
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
      handler: async ({ params }, { tenantId, scopes }) => {
        mustHold(scopes, (await find(pool, tenantId, params.id)).scopes);
        await revokeApiKey(pool, tenantId, params.id);
        authenticator.forget(params.id);
        return { status: 204 };
      },
    }),
    route({
      method: 'post',
      path: '/v1/api-keys/{id}/rotate',
      operationId: 'rotateApiKey',
      tag: TAG,
      summary: 'Replace an API key by a new one',
      description:
        'Makes a key with the same name and scopes. The old one goes on working for `overlap`, by default 24 hours, at ' +
        'most 7 days. The new one expires when the old one would have, unless `expiresAt` says otherwise.',
      scope: 'api-keys:write',
      idempotency: 'required',
      params: apiKeyParams,
      body: rotateApiKeySchema,
      responses: {
        201: { description: 'The new key.', body: createdApiKeySchema, headers: { Location: "The new key's path." } },
      },
      problems: ['wrong-state'],
      handler: async ({ params, body }, { tenantId, scopes, effectId, fence }) => {
        const old = await find(pool, tenantId, params.id);
        mustHold(scopes, old.scopes);
        const id = asId('apiKey', effectId);
        const key = await inTransaction(pool, async (client) => {
          await fence(client);
          const made = await shownAnew(client, tenantId, id);
          if (made !== undefined) return made;
          if (!(await endApiKeyAfter(client, tenantId, old.id, body.overlap))) {
            throw new Problem('wrong-state', { detail: 'The key is revoked or expired: create a new one instead.' });
          }
          const expiresAt = body.expiresAt ?? old.expiresAt;
          return store(client, { id, tenantId, name: old.name, scopes: old.scopes, expiresAt });
        });
        authenticator.forget(old.id);
        return created(key);
      },
    }),
  ];
}

type ShownKey = ApiKey & { text: string };

async function store(db: Queryable, key: Omit<NewApiKey, 'secretHash'>): Promise<ShownKey> {
  const { text, secretHash } = newApiKey(key.id);
  const stored = await insertApiKey(db, { ...key, secretHash });
  if (stored === undefined) throw new Error('a new API key has the id of another');
  return { ...stored, text };
}

/** The key that an execution of this request has stored before, which was cut off before anybody saw the secret. */
async function shownAnew(db: Queryable, tenantId: PublicId, id: PublicId): Promise<ShownKey | undefined> {
  const { text, secretHash } = newApiKey(id);
  const stored = await replaceApiKeySecret(db, tenantId, id, secretHash);
  return stored === undefined ? undefined : { ...stored, text };
}

function created(key: ShownKey) {
  return {
    status: 201 as const,
    headers: { location: `/v1/api-keys/${key.id}` },
    body: { ...apiKeyView(key), key: key.text },
  };
}

async function find(db: Queryable, tenantId: PublicId, id: PublicId): Promise<ApiKey> {
  const key = await findApiKey(db, tenantId, id);
  if (key === undefined) throw new Problem('not-found');
  return key;
}

async function tenantFor(db: Queryable, wanted: PublicId | undefined, context: TenantContext): Promise<PublicId> {
  if (wanted === undefined || wanted === context.tenantId) return context.tenantId;
  if (!context.scopes.allows('admin')) throw lacksScope('admin', 'A key for another tenant needs the scope "admin".');
  if ((await findTenant(db, wanted)) === undefined) throw invalidField('body', '#/tenantId', 'there is no such tenant');
  return wanted;
}

/** Nobody may hand out, take over or take away more than they have. */
function mustHold(own: ScopeSet, scopes: readonly string[]): void {
  const missing = own.missing(scopes);
  const [first] = missing;
  if (first === undefined) return;
  const named = missing.map((scope) => `"${scope}"`).join(', ');
  throw lacksScope(first, `Your API key lacks scopes that the other key has or would have: ${named}.`);
}
