import { toUuid } from '../../../core/ids';
import { createApi, type TestApi } from '../../support/api-support';
import { insertBusiness, insertMerchant } from '../../support/finance';

let api: TestApi;
let merchantId: string;
beforeAll(async () => {
  api = await createApi();
  await insertBusiness(api.deps.pool, api.tenantId);
  merchantId = (await insertMerchant(api.deps.pool, api.tenantId)).id;
});
afterAll(() => api.close());

const send = (path: string, body: string | Buffer, type = 'application/json') =>
  api.call('POST', path, { headers: { 'content-type': type }, body });

test('an order whose amount is there twice is refused with its name, and none is made', async () => {
  const answer = await send(
    '/v1/orders',
    `{"merchantId":"${merchantId}","currency":"EUR","amount":"100","\\u0061mount":"10000"}`,
  );
  expect([answer.status, answer.body]).toEqual([
    400,
    expect.objectContaining({
      type: '/docs/problems#duplicate-member',
      detail: expect.stringContaining('"amount"'),
      errors: [{ in: 'body', pointer: '#/amount', detail: 'is there twice' }],
    }),
  ]);
  const { rows } = await api.deps.pool.query('SELECT FROM orders WHERE tenant_id = $1', [toUuid(api.tenantId)]);
  expect(rows).toEqual([]);
});

test.each([
  ['/v1/payments', '{"orderId":"x","source":{"type":"card","token":"tok_a","token":"tok_b"}}', '#/source/token'],
  ['/v1/wallets', '{"owner":"a","owner":"b","currency":"EUR"}', '#/owner'],
  ['/callbacks/payments', '{"type":"chargeback.opened","data":{"amount":"1","amount":"2"}}', '#/data/amount'],
  ['/v1/fee-schedules', '{"a":[{"b/c":1,"b/c":2}]}', '#/a/0/b~1c'],
])('in every request about money: %s', async (path, body, pointer) => {
  const answer = await send(path, body);
  expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([400, pointer]);
});

test('in an encoding in which they could hide, the body is refused', async () => {
  const text = `{"merchantId":"${merchantId}","currency":"EUR","amount":"100","amount":"10000"}`;
  const answer = await send('/v1/orders', Buffer.from(text, 'utf16le'), 'application/json; charset=utf-16le');
  expect([answer.status, answer.body.type]).toEqual([415, '/docs/problems#unsupported-media-type']);
});

test('a body with each name once is taken, and what is no JSON is told so', async () => {
  const body = `{"merchantId":"${merchantId}","currency":"EUR","amount":"100","metadata":{"amount":"1"}}`;
  expect((await send('/v1/orders', body)).status).toBe(201);
  expect((await send('/v1/orders', '{"amount":"1"')).body.type).toBe('/docs/problems#malformed-json');
});

test('messages are not looked through', async () => {
  const answer = await send('/v1/messages', '{"eventType":"a.b","payload":{"n":1,"n":2}}');
  expect(answer.status).toBe(202);
});
