import { randomBytes } from 'node:crypto';
import request from 'supertest';
import { createRateLimiter } from '../../../api/http/rate-limit';
import { createApi, listen, type TestApi } from '../../support/api-support';

let api: TestApi;
beforeAll(async () => {
  api = await createApi({}, { WAYBILL_TRUSTED_PROXIES: '127.0.0.0/8' });
});
afterAll(() => api.close());
afterEach(() => jest.restoreAllMocks());

const LIMIT = 10;
const unknownKey = () => `wb_live_${randomBytes(16).toString('hex')}_${randomBytes(32).toString('base64url')}`;

/** An API that allows ten unknown keys and one more every ten seconds, and what it asks the database about keys. */
async function strictApi() {
  const server = await listen({ ...api.deps, unknownKeyLimiter: createRateLimiter({ perSecond: 0.1, burst: LIMIT }) });
  const asked = jest.spyOn(api.deps.pool, 'query');
  return {
    get: async (key: string, address = '192.0.2.1') =>
      request(server).get('/v1/event-types').set('authorization', `Bearer ${key}`).set('x-forwarded-for', address),
    lookUps: () =>
      asked.mock.calls.filter(([query]) => (query as { name?: string }).name === 'find-credentials').length,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

test('keys made up cost a bounded number of queries, and lock out neither keys in use nor other addresses', async () => {
  const { get, lookUps, close } = await strictApi();
  const { key: inUse } = await api.newTenant();
  const { key: unseen } = await api.newTenant();
  expect((await get(inUse)).status).toBe(200);
  const before = lookUps();
  const answers = await Promise.all(Array.from({ length: 60 }, () => get(unknownKey())));
  expect(lookUps() - before).toBe(LIMIT);
  expect(answers.map(({ status }) => status).sort()).toEqual([
    ...new Array<number>(LIMIT).fill(401),
    ...new Array<number>(60 - LIMIT).fill(429),
  ]);
  const refused = answers.find(({ status }) => status === 429);
  expect(refused?.body).toMatchObject({
    type: '/docs/problems#rate-limited',
    detail: expect.stringContaining('address'),
  });
  expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(0);

  // Until its row is not believed any more: the key in use is looked up again.
  for (const looked = lookUps(); lookUps() === looked; ) expect((await get(inUse)).status).toBe(200);
  expect((await get(`${inUse.slice(0, -1)}${inUse.endsWith('A') ? 'B' : 'A'}`)).status).toBe(401);
  expect((await get(unseen)).status).toBe(429);
  expect((await get(unseen, '192.0.2.2')).status).toBe(200);
  await close();
});

test('keys that exist are not counted, however many come at once from one address', async () => {
  const { get, close } = await strictApi();
  const keys = await Promise.all(Array.from({ length: 3 * LIMIT }, () => api.newKey(['*'])));
  for (let from = 0; from < keys.length; from += LIMIT) {
    const answers = await Promise.all(keys.slice(from, from + LIMIT).map((key) => get(key)));
    expect(answers.map(({ status }) => status)).toEqual(new Array(LIMIT).fill(200));
  }
  expect((await get(unknownKey())).status).toBe(401);
  await close();
});
