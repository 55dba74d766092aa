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

test("a time zone gets the capitals that Temporal's Schedules need", async () => {
  const { key, tenantId } = await api.newTenant();
  const patch = (timeZone: string) => api.call('PATCH', '/v1/business', { key, body: { timeZone } });
  const handle = api.pipeline.client.schedule.getHandle(settlementLauncherId(tenantId));
  for (const [given, name] of [
    ['africa/cairo', 'Africa/Cairo'],
    ['us/pacific', 'US/Pacific'],
    ['Asia/Kolkata', 'Asia/Kolkata'],
  ] as const) {
    const answer = await patch(given);
    expect([answer.status, answer.body.timeZone]).toEqual([200, name]);
    expect((await handle.describe()).spec.timezone).toBe(name);
  }
  for (const given of ['+02:00', 'Nowhere/Land', '']) expect((await patch(given)).status).toBe(422);
  await handle.delete();
});
