import { randomUUID } from 'node:crypto';
import type { Route } from '../../../api/http/route';
import { apiRoutes } from '../../../api/routes';
import { doorContext } from '../../../api/server';
import { createApi, platformOf, type TestApi } from '../../support/api-support';

let api: TestApi;
let routes: Route[];
let paths: Record<string, Record<string, Documented>>;

interface Documented {
  parameters?: { name: string; in: string; required?: boolean }[];
  responses: Record<string, { headers?: Record<string, unknown> }>;
}

beforeAll(async () => {
  api = await createApi();
  routes = apiRoutes(doorContext(platformOf(api.deps)), api.deps.readiness);
  paths = (await api.call('GET', '/openapi.json')).body.paths;
});
afterAll(() => api.close());

test('every resource that is patched can be guarded by its ETag, and the document says so', () => {
  const patched = routes.filter(({ method }) => method === 'patch');
  expect(patched.length).toBeGreaterThanOrEqual(3);
  for (const { path, operationId } of patched) {
    const { patch, get } = paths[path] ?? {};
    const ifMatch = patch?.parameters?.find(({ name }) => name === 'if-match');
    expect([operationId, ifMatch?.in, ifMatch?.required ?? false]).toEqual([operationId, 'header', false]);
    for (const answer of [patch?.responses[200], patch?.responses[412], get?.responses[200]]) {
      expect([operationId, Object.keys(answer?.headers ?? {})]).toEqual([
        operationId,
        expect.arrayContaining(['ETag']),
      ]);
    }
  }
});

interface Resource {
  path: string;
  /** A change that differs each time. */
  change(n: number): object;
}

async function endpoint(): Promise<Resource> {
  const { body } = await api.call('POST', '/v1/endpoints', { body: { url: 'http://127.0.0.1:9/hooks' } });
  return { path: `/v1/endpoints/${body.id}`, change: (n) => ({ metadata: { [`k${n}`]: 'v' } }) };
}

async function eventType(): Promise<Resource> {
  const name = `lost.${randomUUID()}`;
  await api.call('POST', '/v1/event-types', { body: { name } });
  return { path: `/v1/event-types/${name}`, change: (n) => ({ description: `${n}` }) };
}

async function subscriber(): Promise<Resource> {
  const { body } = await api.call('POST', '/v1/subscribers', { body: { externalId: randomUUID() } });
  return { path: `/v1/subscribers/${body.id}`, change: (n) => ({ profile: { [`k${n}`]: 'v' } }) };
}

async function category(): Promise<Resource> {
  const key = randomUUID();
  await api.call('POST', '/v1/categories', { body: { key, name: key, policy: 'opt_in', commercial: true } });
  return { path: `/v1/categories/${key}`, change: (n) => ({ description: `${n}` }) };
}

async function priorityRules(): Promise<Resource> {
  const path = '/v1/priority-rules';
  return { path, change: (n) => ({ urgentWeekdays: n % 2 === 0 ? ['saturday'] : ['monday', 'sunday'] }) };
}

const patch = ({ path }: Resource, body: object, ifMatch?: string) =>
  api.call('PATCH', path, { body, ...(ifMatch === undefined ? {} : { headers: { 'if-match': ifMatch } }) });
const etagOf = async ({ path }: Resource): Promise<string> => (await api.call('GET', path)).headers.etag ?? '';

const DELETED: [string, () => Promise<Resource>][] = [
  ['an endpoint', endpoint],
  ['an event type', eventType],
  ['a subscriber', subscriber],
  ['a category', category],
];

describe.each([...DELETED, ['what is laid down about priorities', priorityRules]])('%s', (_name, make) => {
  test('is changed by one of two who read the same version, and the other is told the version of now', async () => {
    const resource = await make();
    const read = await etagOf(resource);
    const answers = await Promise.all([1, 2].map((n) => patch(resource, resource.change(n), read)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
    const winner = answers.find(({ status }) => status === 200);
    const loser = answers.find(({ status }) => status === 412);
    const now = await api.call('GET', resource.path);
    expect([now.body, now.headers.etag]).toEqual([winner?.body, winner?.headers.etag]);
    expect(loser?.headers.etag).toBe(now.headers.etag);
    expect(loser?.body).toMatchObject({ type: '/docs/problems#precondition-failed' });
    expect(loser?.body.detail).toContain(now.headers.etag);
    expect((await patch(resource, resource.change(3), loser?.headers.etag)).status).toBe(200);
  });

  test('takes a change without If-Match, with *, and with the right one of several', async () => {
    const resource = await make();
    const first = await etagOf(resource);
    const second = await patch(resource, resource.change(1));
    expect(second.status).toBe(200);
    expect(second.headers.etag).not.toBe(first);
    expect((await patch(resource, resource.change(2), first)).status).toBe(412);
    expect((await patch(resource, resource.change(2), `${first}, ${second.headers.etag}`)).status).toBe(200);
    expect((await patch(resource, resource.change(3), '*')).status).toBe(200);
    expect((await patch(resource, resource.change(4), '"999999999999999"')).status).toBe(412);
    for (const malformed of ['nope', '"', '1,']) {
      const refused = await patch(resource, resource.change(5), malformed);
      expect([malformed, refused.status, refused.body.type]).toEqual([malformed, 400, '/docs/problems#invalid-header']);
    }
  });
});

describe.each(DELETED)('%s', (_name, make) => {
  test('is deleted only in the version that was read', async () => {
    const resource = await make();
    const read = await etagOf(resource);
    const changed = await patch(resource, resource.change(1));
    const remove = (ifMatch: string) => api.call('DELETE', resource.path, { headers: { 'if-match': ifMatch } });
    const stale = await remove(read);
    expect([stale.status, stale.headers.etag]).toEqual([412, changed.headers.etag]);
    expect((await remove(changed.headers.etag ?? '')).status).toBe(204);
    expect((await remove('*')).status).toBe(404);
    expect((await patch(resource, resource.change(2), '*')).status).toBe(404);
  });
});

test('whatever changes what is shown of an endpoint changes its ETag', async () => {
  const resource = await endpoint();
  const seen = [await etagOf(resource)];
  const changes: [string, string, object?][] = [
    ['PATCH', '', { description: 'another' }],
    ['POST', '/pause'],
    ['POST', '/disable'],
    ['POST', '/enable'],
    ['POST', '/secret/rotate'],
  ];
  for (const [method, path, body = {}] of changes) {
    expect((await api.call(method, `${resource.path}${path}`, { body })).status).toBe(200);
    seen.push(await etagOf(resource));
  }
  expect(new Set(seen).size).toBe(changes.length + 1);
});
