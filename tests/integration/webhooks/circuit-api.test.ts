import { toUuid } from '../../../core/ids';
import { createApi, type TestApi } from '../../support/api-support';

let api: TestApi;
beforeAll(async () => {
  api = await createApi();
});
afterAll(() => api.close());

const create = async (body: object) =>
  api.call('POST', '/v1/endpoints', { body: { url: 'http://127.0.0.1:9/', ...body } });

test('settings that are left out have their defaults, and stay on a change', async () => {
  const made = await create({ circuit: { consecutiveFailures: 3 }, holdFor: '2d' });
  expect(made.body).toMatchObject({
    circuit: { enabled: true, consecutiveFailures: 3, failureRatio: 0.7, drainPerSecond: 200 },
    fallbackUrl: null,
    holdFor: '2d',
  });
  const path = `/v1/endpoints/${made.body.id}`;
  const changed = await api.call('PATCH', path, { body: { circuit: { enabled: false }, holdFor: null } });
  expect(changed.body).toMatchObject({ circuit: { enabled: false, consecutiveFailures: 3 }, holdFor: null });
  const reset = await api.call('PATCH', path, { body: { circuit: null } });
  expect(reset.body.circuit).toMatchObject({ enabled: true, consecutiveFailures: 10 });
});

test.each([
  ['a private address', 'http://10.0.0.1/'],
  ["the endpoint's own", 'http://127.0.0.1:9/'],
  ['no URL', 'somewhere'],
])('a fallback keeps the rules of addresses: %s is refused', async (_what, fallbackUrl) => {
  const refused = await create({ fallbackUrl });
  expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, '#/fallbackUrl']);
  const { body } = await create({});
  const change = await api.call('PATCH', `/v1/endpoints/${body.id}`, { body: { fallbackUrl } });
  expect([change.status, change.body.errors[0].pointer]).toEqual([422, '#/fallbackUrl']);
});

test('a circuit shows itself; a command on one that is closed is refused, and so is a rate that is none', async () => {
  const { body } = await create({});
  const path = `/v1/endpoints/${body.id}/circuit`;
  expect((await api.call('GET', path)).body).toMatchObject({
    state: 'closed',
    held: 0,
    incidentId: null,
    drainRate: 200,
  });
  for (const command of ['pause', 'resume', 'probe']) {
    const refused = await api.call('POST', `${path}/${command}`);
    expect([refused.status, refused.body.detail]).toEqual([409, expect.stringContaining('The circuit is closed')]);
  }
  expect((await api.call('POST', `${path}/drain`, { body: { rate: 0 } })).status).toBe(422);
  const { key } = await api.newTenant();
  expect((await api.call('GET', path, { key })).status).toBe(404);
  expect((await api.call('POST', `${path}/probe`, { key })).status).toBe(404);
});

test('commands on an open circuit answer with what they have changed', async () => {
  const worker = await api.pipeline.startWorker();
  const { body } = await create({});
  const id = toUuid(body.id);
  const { pool } = api.deps;
  await pool.query(
    'INSERT INTO endpoint_circuits (endpoint_id, tenant_id, incident, opened_at, reason, next_probe_at) ' +
      "VALUES ($1, $2, gen_random_uuid(), now(), 'failure-ratio', now() + interval '1 hour')",
    [id, toUuid(api.tenantId)],
  );
  await pool.query("UPDATE endpoints SET circuit = 'open' WHERE id = $1", [id]);
  const path = `/v1/endpoints/${body.id}/circuit`;
  const paused = await api.call('POST', `${path}/pause`);
  expect([paused.status, paused.body]).toMatchObject([200, { state: 'open', paused: true, nextProbeAt: null }]);
  expect((await api.call('POST', `${path}/resume`)).body).toMatchObject({ paused: false });
  expect((await api.call('POST', `${path}/drain`, { body: { rate: 7 } })).body).toMatchObject({ drainRate: 7 });
  expect((await api.call('GET', path)).body).toMatchObject({ reason: 'failure-ratio', drainRate: 7 });
  await api.call('POST', `/v1/endpoints/${body.id}/disable`);
  await worker.stop();
});
