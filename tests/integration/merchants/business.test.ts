import { toUuid } from '../../../core/ids';
import { addDays, lastClosedDate } from '../../../domains/merchants/rules/business-day';
import { settlementLauncherId } from '../../../domains/settlement/rules/workflow-names';
import { createApi, type TestApi } from '../../support/api-support';

let api: TestApi;
beforeAll(async () => {
  api = await createApi();
});
afterAll(() => api.close());

test('a first day that nobody can mean is refused', async () => {
  const last = lastClosedDate(new Date(), { timeZone: 'UTC', cutoff: '23:59' });
  const { key } = await api.newTenant();
  const patch = (firstDate: string) => api.call('PATCH', '/v1/business', { key, body: { timeZone: 'UTC', firstDate } });
  for (const given of ['0001-01-01', '0000-01-01', addDays(last, -400), addDays(last, 400), '9999-12-31']) {
    expect((await patch(given)).status).toBe(422);
  }
  const first = addDays(last, -366 + 1);
  expect((await patch(first)).body).toMatchObject({ firstDate: first });
  expect((await patch(addDays(first, 1))).status).toBe(422);
});

test('a time zone gets its proper capitals', async () => {
  const { key } = await api.newTenant();
  const patch = (timeZone: string) => api.call('PATCH', '/v1/business', { key, body: { timeZone } });
  for (const [given, name] of [
    ['africa/cairo', 'Africa/Cairo'],
    ['us/pacific', 'US/Pacific'],
    ['Asia/Kolkata', 'Asia/Kolkata'],
  ] as const) {
    const answer = await patch(given);
    expect([answer.status, answer.body.timeZone]).toEqual([200, name]);
  }
  for (const given of ['+02:00', 'Nowhere/Land', '']) expect((await patch(given)).status).toBe(422);
});

describe('a business has a version', () => {
  const call = (key: string, method: string, body?: object, ifMatch?: string) =>
    api.call(method, '/v1/business', {
      key,
      ...(body === undefined ? {} : { body }),
      ...(ifMatch === undefined ? {} : { headers: { 'if-match': ifMatch } }),
    });

  test('and If-Match changes only the one that was read', async () => {
    const { key } = await api.newTenant();
    const none = await call(key, 'PATCH', { timeZone: 'UTC' }, '*');
    expect([none.status, none.body.type]).toEqual([412, '/docs/problems#precondition-failed']);
    expect((await call(key, 'GET')).status).toBe(404);
    const first = await call(key, 'PATCH', { timeZone: 'UTC' });
    expect(first.headers.etag).toBe('"1"');
    const second = await call(key, 'PATCH', { cutoff: '18:00' }, first.headers.etag);
    expect([second.status, second.headers.etag]).toEqual([200, '"2"']);
    const stale = await call(key, 'PATCH', { cutoff: '19:00' }, first.headers.etag);
    expect([stale.status, stale.body.detail]).toEqual([412, expect.stringContaining('"2"')]);
    const read = await call(key, 'GET');
    expect([read.headers.etag, read.body.cutoff]).toEqual(['"2"', '18:00']);
    expect((await call(key, 'PATCH', { grace: '1s' }, 'W/"2"')).status).toBe(412);
    expect((await call(key, 'PATCH', { grace: '1s' }, '2')).body.type).toBe('/docs/problems#invalid-header');
    expect((await call(key, 'PATCH', { grace: '1s' }, '"1", "2"')).status).toBe(200);
    expect((await call(key, 'PATCH', { grace: '2s' }, '*')).status).toBe(200);
  });

  test('and of twenty who change the same one, one succeeds', async () => {
    const { key } = await api.newTenant();
    const { headers } = await call(key, 'PATCH', { timeZone: 'UTC' });
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => call(key, 'PATCH', { grace: `${n + 1}s` }, headers.etag)),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array(19).fill(412)]);
    const winner = answers.find(({ status }) => status === 200);
    expect((await call(key, 'GET')).body).toEqual(winner?.body);
  });

  test('and changes of different fields at once lose none of each other, also when they make it', async () => {
    const { key, tenantId } = await api.newTenant();
    const changes = [{ cutoff: '18:00' }, { grace: '7s' }, { refundFeePolicy: 'prorate' }, { timeZone: 'Asia/Riyadh' }];
    const answers = await Promise.all(changes.map((change) => call(key, 'PATCH', change)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const { body, headers } = await call(key, 'GET');
    expect(body).toMatchObject({ cutoff: '18:00', grace: '7s', refundFeePolicy: 'prorate', timeZone: 'Asia/Riyadh' });
    expect(headers.etag).toBe('"4"');
    const { info } = await api.pipeline.client.schedule.getHandle(settlementLauncherId(tenantId)).describe();
    expect(info.nextActionTimes[0]?.toISOString()).toMatch(/T15:00:00.000Z$/);
  });
});

test('a time zone that was withdrawn is refused, and one that was stored can be exchanged', async () => {
  const { key, tenantId } = await api.newTenant();
  const patch = (body: object) => api.call('PATCH', '/v1/business', { key, body });
  const refused = await patch({ timeZone: 'US/Pacific-New' });
  expect([refused.status, refused.body.errors]).toEqual([
    422,
    [expect.objectContaining({ pointer: '#/timeZone', detail: expect.stringContaining('IANA time zone') })],
  ]);
  expect((await api.call('GET', '/v1/business', { key })).status).toBe(404);

  await patch({ timeZone: 'UTC' });
  await api.pipeline.database.pool.query("UPDATE businesses SET time_zone = 'US/Pacific-New' WHERE tenant_id = $1", [
    toUuid(tenantId),
  ]);
  const other = await patch({ cutoff: '18:00' });
  expect([other.status, other.body.errors]).toEqual([
    422,
    [expect.objectContaining({ pointer: '#/timeZone', detail: expect.stringContaining('US/Pacific-New') })],
  ]);
  expect((await patch({ timeZone: 'America/Los_Angeles' })).body.timeZone).toBe('America/Los_Angeles');
});
