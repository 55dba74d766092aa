import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import request, { type Response } from 'supertest';
import { createApiServer } from '../../api/http/http-server';
import { createRateLimiter } from '../../api/http/rate-limit';
import { type AppOptions, createApp } from '../../api/server';
import { ensureAdminKey } from '../../domains/accounts/admin-key';
import { openPublishing } from '../../domains/webhooks/publishing/open-publishing';
import type { Publisher } from '../../domains/webhooks/publishing/publisher';
import type { Platform } from '../../infra/platform/platform';
import { contractOf } from './api-contract-support';
import { createPipeline, type Pipeline } from './pipeline';
import { sharedDocument } from './shared-document';

export const ADMIN_KEY = `wb_live_${'0123456789abcdef'.repeat(2)}_${'A'.repeat(43)}`;

export interface CallOptions {
  /** Default: the tenant's key with all its scopes. `null` sends none. */
  key?: string | null;
  body?: unknown;
  headers?: Record<string, string>;
  /** Default: a new one where the document requires one. `null` sends none. */
  idempotencyKey?: string | null;
}

/** The parts of an API in tests, so that a test can replace one. */
export interface TestAppDeps extends Platform, AppOptions {
  publisher: Publisher;
}

/** An API on real servers, with a tenant of its own; every answer is checked against the OpenAPI document. */
export interface TestApi {
  pipeline: Pipeline;
  server: Server;
  url: string;
  deps: TestAppDeps;
  tenantId: string;
  /** The tenant's key, with the scope `*`. */
  key: string;
  call(method: string, path: string, options?: CallOptions): Promise<Response>;
  /** Makes a tenant with a key of these scopes. */
  newTenant(scopes?: string[]): Promise<{ tenantId: string; key: string }>;
  /** Makes a key of the tenant with these scopes. */
  newKey(scopes: string[]): Promise<string>;
  close(): Promise<void>;
}

export async function createApi(
  overrides: Partial<TestAppDeps> = {},
  env: Record<string, string> = {},
): Promise<TestApi> {
  const pipeline = await createPipeline(env);
  const deps: TestAppDeps = {
    ...pipeline.platform,
    publisher: pipeline.publisher,
    readiness: async () => ({ postgres: 'ok' }),
    rateLimiter: createRateLimiter({ perSecond: 100_000 }),
    unknownKeyLimiter: createRateLimiter({ perSecond: 100_000 }),
    ...overrides,
  };
  const server = await listen(deps);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await ensureAdminKey(deps.pool, ADMIN_KEY);
  const contract = contractOf(await sharedDocument(async () => (await request(server).get('/openapi.json')).text));

  async function call(method: string, path: string, options: CallOptions = {}): Promise<Response> {
    let pending = request(server)[verb(method)](path);
    const key = options.key === undefined ? api.key : options.key;
    if (key !== null) pending = pending.set('authorization', `Bearer ${key}`);
    const idempotencyKey = options.idempotencyKey ?? (requiresKey(method, path, options) ? randomUUID() : undefined);
    if (idempotencyKey !== undefined) pending = pending.set('idempotency-key', idempotencyKey);
    for (const [name, value] of Object.entries(options.headers ?? {})) pending = pending.set(name, value);
    if (options.body !== undefined) {
      pending = typeof options.body === 'string' ? pending.send(options.body) : pending.send(options.body as object);
    }
    const response = await pending.redirects(0).ok(() => true);
    contract.check(method, path, response);
    return response;
  }

  function requiresKey(method: string, path: string, { idempotencyKey }: CallOptions): boolean {
    const parameters = contract.find(method, path)?.parameters ?? [];
    return idempotencyKey !== null && parameters.some(({ name, required }) => name === 'idempotency-key' && required);
  }

  async function newTenant(scopes: string[] = ['*']): Promise<{ tenantId: string; key: string }> {
    const tenant = await call('POST', '/v1/tenants', { key: ADMIN_KEY, body: { name: 'test' } });
    const tenantId: string = tenant.body.id;
    const body = { name: 'test', scopes, tenantId };
    const key: string = (await call('POST', '/v1/api-keys', { key: ADMIN_KEY, body })).body.key;
    return { tenantId, key };
  }

  const api: TestApi = {
    pipeline,
    server,
    url,
    deps,
    tenantId: '',
    key: '',
    call,
    newTenant,
    newKey: async (scopes) => {
      const answer = await call('POST', '/v1/api-keys', {
        key: ADMIN_KEY,
        body: { name: 'test', scopes, tenantId: api.tenantId },
      });
      return answer.body.key;
    },
    close: async () => {
      await new Promise((resolve) => server.close(resolve));
      await pipeline.close();
    },
  };
  Object.assign(api, await newTenant());
  return api;
}

/** Makes an API from these parts. */
export function createTestApp(deps: TestAppDeps): ReturnType<typeof createApp> {
  return createApp(platformOf(deps), deps);
}

/** The platform with the given publisher. */
export function platformOf({ publisher, ...platform }: TestAppDeps): Platform {
  const publishing = { ...platform.once(openPublishing), publisher };
  const replaced = new Map<unknown, unknown>([[openPublishing, publishing]]);
  return {
    ...platform,
    once<T>(make: (platform: Platform) => T): T {
      return (replaced.get(make) as T | undefined) ?? platform.once(make);
    },
  };
}

/** Serves an API from these parts on a free port. */
export async function listen(deps: TestAppDeps): Promise<Server> {
  const server = createApiServer(createTestApp(deps));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

const VERBS = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options'] as const;

function verb(method: string): (typeof VERBS)[number] {
  const found = VERBS.find((name) => name === method.toLowerCase());
  if (found === undefined) throw new Error(`unknown method ${method}`);
  return found;
}
