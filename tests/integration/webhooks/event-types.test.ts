import { createApi, type TestApi } from '../../support/api-support';

let api: TestApi;
beforeAll(async () => {
  api = await createApi();
});
afterAll(() => api.close());

test('updatedAt moves with a change, and only with one', async () => {
  const change = async (body: object) => (await api.call('PATCH', '/v1/event-types/order.placed', { body })).body;
  const created = (await api.call('POST', '/v1/event-types', { body: { name: 'order.placed', description: 'a' } }))
    .body;
  expect(created.updatedAt).toBe(created.createdAt);
  for (const same of [{}, { description: 'a' }, { archived: false }, { description: 'a', archived: false }]) {
    expect(await change(same)).toEqual(created);
  }
  const described = await change({ description: 'b' });
  expect(described.description).toBe('b');
  expect(Date.parse(described.updatedAt)).toBeGreaterThan(Date.parse(created.updatedAt));
  const archived = await change({ archived: true });
  expect(Date.parse(archived.updatedAt)).toBeGreaterThan(Date.parse(described.updatedAt));
  expect(await change({ archived: true })).toEqual(archived);
});
