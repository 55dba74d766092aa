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

test('an order whose amount is there twice is refused, and none is made', async () => {
  const answer = await send(
    '/v1/orders',
    `{"merchantId":"${merchantId}","currency":"EUR","amount":"100","\\u0061mount":"10000"}`,
  );
  expect([answer.status, answer.body]).toEqual([
    400,
    expect.objectContaining({
      type: '/docs/problems#duplicate-member',
      detail: expect.stringContaining(' again at byte '),
      errors: [{ in: 'body', pointer: '#/amount', detail: 'is there twice' }],
    }),
  ]);
  const { rows } = await api.deps.pool.query('SELECT FROM orders WHERE tenant_id = $1', [toUuid(api.tenantId)]);
  expect(rows).toEqual([]);
});

test.each([
  ['/v1/messages', '{"eventType":"a","payload":1,"payload":2}', '#/payload', 29],
  ['/v1/messages', '{"eventType":"a","payload":1,"p\\u0061yload":2}', '#/payload', 29],
  ['/v1/messages', '{"eventType":"ä","eventType":"b","payload":1}', '#/eventType', 18],
  ['/v1/messages', '{"__proto__":1,"__proto__":1}', '#/__proto__', 15],
  ['/v1/messages', '{"eventType":"a","channels":[1,{"b":1,"b":2}],"payload":1}', '#/channels/1/b', 38],
  ['/v1/event-types', '{"name":"a","name":"b"}', '#/name', 12],
  ['/v1/endpoints', '{"url":"x","metadata":{"a":"1","a":"2"}}', '#/metadata/a', 31],
  ['/v1/payments', '{"source":{"type":"card","token":"tok_a","token":"tok_b"}}', '#/source/token', 41],
  ['/v1/wallets', '{"owner":"a","owner":"b","currency":"EUR"}', '#/owner', 13],
  ['/v1/fee-schedules', '{"a":[{"b/c":1,"b/c":2}]}', '#/a/0/b~1c', 15],
])('%s %s is refused with its place', async (path, text, pointer, at) => {
  const { status, body } = await send(path, text);
  expect([status, body.type, body.detail, body.errors]).toEqual([
    400,
    '/docs/problems#duplicate-member',
    `An object in the body has a name twice, again at byte ${at} (counted from 0): name each member of an object once.`,
    [{ in: 'body', pointer, detail: 'is there twice' }],
  ]);
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

test("a message's payload stays as it is", async () => {
  const answer = await send('/v1/messages', '{"eventType":"a.b","payload":{"n":1,"n":2}}');
  expect(answer.status).toBe(202);
});
