import { createHash, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { toUuid } from '../../../core/ids';
import { createApi, type TestApi } from '../../support/api-support';
import { jsonTestSuite, parses } from '../../support/json-test-suite';
import { picks, said, spell } from '../../support/json-texts';
import { eventually, startReceiver, type TestReceiver } from '../../support/receiver';

let api: TestApi;
let receiver: TestReceiver;
let endpointId: string;
let webhook: Webhook;

beforeAll(async () => {
  api = await createApi();
  receiver = await startReceiver();
  const body = { url: receiver.url, eventTypes: ['bytes.*'] };
  const { body: endpoint } = await api.call('POST', '/v1/endpoints', { body });
  endpointId = endpoint.id;
  webhook = new Webhook(endpoint.secret);
});
afterAll(async () => {
  await api.close();
  await receiver.close();
});

async function post(
  where: string,
  body: string,
  key?: string,
): Promise<{ status: number; body: Record<string, string> }> {
  const answer = await fetch(`${api.url}${where}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${api.key}`,
      'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    body,
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, string> };
}

const publish = (payload: string, more = '') =>
  post('/v1/messages', `{"eventType":"bytes.sent", "payload" : ${payload} ${more}}`);

async function idOf(published: ReturnType<typeof post>): Promise<string> {
  const { status, body } = await published;
  expect([status, body.errors]).toEqual([202, undefined]);
  return body.id ?? '';
}

/** What the receiver got for a message, once its signature is checked. */
async function arrived(id: string): Promise<string> {
  const request = await eventually(() => receiver.received.find(({ headers }) => headers['webhook-id'] === id));
  webhook.verify(request.body, {
    'webhook-id': String(request.headers['webhook-id']),
    'webhook-timestamp': String(request.headers['webhook-timestamp']),
    'webhook-signature': String(request.headers['webhook-signature']),
  });
  return request.body;
}

/** Sent and shown as the text that was published. */
async function expectBytes(id: string, payload: string, type = 'bytes.sent'): Promise<void> {
  const answer = await fetch(`${api.url}/v1/messages/${id}`, { headers: { authorization: `Bearer ${api.key}` } });
  const shown = await answer.text();
  const { createdAt } = JSON.parse(shown) as { createdAt: string };
  expect(await arrived(id)).toBe(`{"type":"${type}","timestamp":"${createdAt}","data":${payload}}`);
  expect(shown.slice(shown.indexOf(',"payload":'))).toBe(`,"payload":${payload}}`);
}

test.each([
  '1e400',
  '1.00',
  '-0',
  '12345678901234567890',
  '{"b":1,"a":2,"10":3,"2":4}',
  '{"__proto__":{"a":1},"constructor":null}',
  '{"a":1,"a":2}',
  '"\\u0041\\/\\ud800\\u0000"',
  '[ 1 ,\n\t2 ]',
  '"\u{1f600} \u2028\u007f"',
  'null',
])('the payload %s arrives as it was sent', async (payload) => {
  await expectBytes(await idOf(publish(payload)), payload);
});

test('every payload arrives byte for byte, under a signature over these bytes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(said, fc.integer()), { minLength: 10, maxLength: 20 }), async (values) => {
      const payloads = values.map(([value, seed]) => spell(value, picks(seed)));
      const ids = await Promise.all(payloads.map((payload) => idOf(publish(payload))));
      await Promise.all(payloads.map((payload, n) => expectBytes(ids[n] ?? '', payload)));
    }),
    { numRuns: 5 },
  );
});

test('so does what is sent to test an endpoint', async () => {
  const payload = '{ "n": 1.00, "n": 2 }';
  const id = await idOf(post(`/v1/endpoints/${endpointId}/test`, `{"payload":${payload}}`));
  await expectBytes(id, payload, 'waybill.test');
  const { body } = await api.call('POST', `/v1/endpoints/${endpointId}/test`, { body: { payload: [] } });
  expect(body.errors).toEqual([{ in: 'body', pointer: '#/payload', detail: 'expected an object' }]);
});

test('the name of a member may be written with escapes', async () => {
  const id = await idOf(post('/v1/messages', '{"\\u0065ventType":"bytes.sent","payl\\u006fad":{"a":1.0}}'));
  await expectBytes(id, '{"a":1.0}');
});

test('a megabyte of short numbers stays one', async () => {
  const payload = `[${'1e20,'.repeat(200_000)}1]`;
  await expectBytes(await idOf(publish(payload)), payload);
});

test('JSONTestSuite: what is JSON arrives as it is, what is not is refused with the place', async () => {
  const cases = [...jsonTestSuite('parsing'), ...jsonTestSuite('transform')].filter(
    ({ input }) => input.length < 1_000,
  );
  expect(cases.length).toBeGreaterThan(300);
  for (const { name, input } of cases) {
    const taken = name.startsWith('y_') || (!name.startsWith('n_') && parses(input));
    if (taken) await expectBytes(await idOf(publish(input)), input.trim());
    else {
      const { status, body } = await publish(input);
      expect([name, status, body.type, body.detail]).toEqual([
        name,
        400,
        '/docs/problems#malformed-json',
        expect.stringMatching(/^The body stops being JSON at byte \d+ \(counted from 0\): .+\.$/),
      ]);
    }
  }
});

describe('an event that is published again', () => {
  const send = (payload: string, eventId: string) => publish(payload, `,"eventId":"${eventId}"`);

  test.each([
    ['order', '{"b":1,"a":[1,{"d":1,"c":2}]}', '{"a":[1,{"c":2,"d":1}],"b":1}'],
    ['space', '{"a":1}', ' { "a" :\n1 } '],
    ['number', '[1,100,0,12345678901234567890]', '[10e-1,1E2,-0,1234567890123456789e1]'],
    ['escape', '"a/ä"', '"\\u0061\\/\\u00E4"'],
  ])('is the same, however its %s is written, and the first is what is sent', async (name, first, again) => {
    const id = await idOf(send(first, name));
    const { status, body } = await send(again, name);
    expect([status, body.id, body.duplicate]).toEqual([202, id, true]);
    await expectBytes(id, first);
  });

  test.each([
    ['integers', '12345678901234567890', '12345678901234567891'],
    ['rounded', '12345678901234567000', '12345678901234567890'],
    ['infinite', '1e400', 'null'],
    ['twice', '{"a":1,"a":2}', '{"a":2}'],
    ['list', '[1,2]', '[2,1]'],
  ])('with another value is refused: %s', async (name, first, other) => {
    await idOf(send(first, name));
    expect((await send(other, name)).body.type).toBe('/docs/problems#idempotency-key-reuse');
    await idOf(send(other, `${name} back`));
    expect((await send(first, `${name} back`)).body.type).toBe('/docs/problems#idempotency-key-reuse');
  });

  test('is recognised by what a version up to 0.2 stored of it', async () => {
    const id = await idOf(send('{"b":1.0,"a":2}', 'stored long ago'));
    const old = createHash('sha256').update('["bytes.sent",[],null,"stored long ago"]{"b":1,"a":2}').digest();
    await api.deps.pool.query('UPDATE message_keys SET fingerprint = $1 WHERE message_id = $2', [old, toUuid(id)]);
    expect((await send('{"b":1,"a":2}', 'stored long ago')).body).toMatchObject({ id, duplicate: true });
    expect((await send('{"b":1,"a":3}', 'stored long ago')).status).toBe(422);
  });
});

test('a POST with an idempotency key is repeated only with the same numbers', async () => {
  const key = randomUUID();
  const test = (payload: string) => post(`/v1/endpoints/${endpointId}/test`, `{"payload":${payload}}`, key);
  const { body } = await test('{"a":1,"n":12345678901234567890}');
  expect((await test('{"n":12345678901234567890.0,"a":1}')).body.id).toBe(body.id);
  expect((await test('{"a":1,"n":12345678901234567891}')).body.type).toBe('/docs/problems#idempotency-key-reuse');
});
