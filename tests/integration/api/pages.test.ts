import request from 'supertest';
import { PROBLEMS } from '../../../api/http/problems';
import { NODE_ZONE_RULES_VERSION, ZONE_RULES_VERSION } from '../../../core/zone-rules';
import { createMetricsPage } from '../../../infra/observability/metrics-page';
import { startMetricsServer } from '../../../infra/observability/metrics-server';
import { ADMIN_KEY, createApi, type TestApi } from '../../support/api-support';

let api: TestApi;
const checks: Record<string, string> = { postgres: 'ok', temporal: 'ok' };
const timeZones = { rules: ZONE_RULES_VERSION, node: NODE_ZONE_RULES_VERSION };

beforeAll(async () => {
  api = await createApi({ readiness: async () => checks });
});
afterAll(() => api.close());

test('/healthz answers without a key', async () => {
  const { status, body } = await api.call('GET', '/healthz', { key: null });
  expect({ status, body }).toEqual({ status: 200, body: { status: 'ok' } });
});

test('/readyz says what is not ready, and by which rules days are cut', async () => {
  expect((await api.call('GET', '/readyz', { key: null })).body).toEqual({ status: 'ok', checks, timeZones });
  checks.temporal = 'no answer';
  const answer = await api.call('GET', '/readyz', { key: null });
  checks.temporal = 'ok';
  expect(answer.status).toBe(503);
  expect(answer.body).toEqual({ status: 'unavailable', checks: { postgres: 'ok', temporal: 'no answer' }, timeZones });
});

test('the metrics count requests by the template of their route, on a listener of their own', async () => {
  await api.call('GET', '/v1/endpoints/ep_00000000000000000000000000000000');
  await api.call('GET', '/nowhere/at/all');
  const page = createMetricsPage(api.deps.metrics.registry);
  const server = await startMetricsServer(page, { host: '127.0.0.1', port: 0 });
  const response = await request(server).get('/metrics?x=1');
  const elsewhere = await request(server).get('/v1/endpoints');
  server.close();
  expect(elsewhere.status).toBe(404);
  expect(response.headers['content-type']).toContain('text/plain');
  const { text } = response;
  expect(text).toMatch(
    /http_server_request_duration_seconds_count\{http_request_method="GET",http_route="\/v1\/endpoints\/\{id\}",http_response_status_code="404"\} 1/,
  );
  expect(text).toContain('http_route="unmatched"');
  expect(text).not.toContain('nowhere');
});

test('the public port has no metrics, with a key or without', async () => {
  for (const key of [null, ADMIN_KEY]) expect((await api.call('GET', '/metrics', { key })).status).toBe(404);
});

test('/ leads to the documentation', async () => {
  const answer = await api.call('GET', '/', { key: null });
  expect(answer.status).toBe(302);
  expect(answer.headers.location).toBe('/docs');
});

test('/docs and everything it loads come from here, under a policy that allows nothing else', async () => {
  const page = await api.call('GET', '/docs', { key: null });
  expect(page.status).toBe(200);
  expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
  const policy = page.headers['content-security-policy'];
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self';");
  const references = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
  expect(references.length).toBeGreaterThanOrEqual(4);
  for (const reference of references) {
    expect(reference.startsWith('/docs/')).toBe(true);
    expect((await api.call('GET', reference, { key: null })).status).toBe(200);
  }
});

test('the page of errors has an entry for each, where its type points to', async () => {
  const { status, text } = await api.call('GET', '/docs/problems', { key: null });
  expect(status).toBe(200);
  for (const code of Object.keys(PROBLEMS)) expect(text).toContain(`<h2 id="${code}">`);
});
