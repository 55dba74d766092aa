import { once } from 'node:events';
import { type AddressInfo, createConnection } from 'node:net';
import { createRateLimiter } from '../../../api/http/rate-limit';
import { toUuid } from '../../../core/ids';
import { createApi, type TestApi } from '../../support/api-support';
import { startReceiver, type TestReceiver } from '../../support/receiver';

const PATH = '/v1/messages/batch';
const NDJSON = 'application/x-ndjson';

let api: TestApi;
let receiver: TestReceiver;
let key: string;
let tenantId: string;

beforeAll(async () => {
  receiver = await startReceiver();
  api = await createApi({}, { WAYBILL_MAX_BODY_BYTES: '20000' });
});
afterAll(async () => {
  await api.close();
  await receiver.close();
});
beforeEach(async () => {
  ({ tenantId, key } = await api.newTenant());
  receiver.received.length = 0;
});

const batch = (body: unknown, headers: Record<string, string> = {}) => api.call('POST', PATH, { key, body, headers });
const endpoint = () => api.call('POST', '/v1/endpoints', { key, body: { url: receiver.url, eventTypes: ['*'] } });
const message = (more: object = {}) => ({ eventType: 'order.created', payload: { n: 1 }, ...more });

async function stored(): Promise<number> {
  const { rows } = await api.deps.pool.query('SELECT count(*)::int AS n FROM messages WHERE tenant_id = $1', [
    toUuid(tenantId),
  ]);
  return rows[0].n;
}

test('every message is accepted in its place, attempted by this process, and arrives as it was written', async () => {
  await endpoint();
  const payloads = ['{"b":1.00,"a":12345678901234567890}', '[ 1e400 ]', '"\\u00e4"', '{"__proto__":1, "x":1,"x":2}'];
  const texts = payloads.map((payload) => `{"eventType":"a.b", "payload":${payload}}`);
  const asArray = await batch(`[${texts.join(' ,\n')}]`, { 'content-type': 'application/json' });
  const asLines = await batch(`${texts.join('\r\n')}\n\n`, { 'content-type': `${NDJSON}; charset=utf-8` });
  for (const { status, body } of [asArray, asLines]) {
    expect([status, body.accepted, body.refused]).toEqual([200, payloads.length, 0]);
    expect(body.data.map(({ index }: { index: number }) => index)).toEqual([0, 1, 2, 3]);
    for (const result of body.data) expect(result).toMatchObject({ status: 202, message: { deliveryCount: 1 } });
  }
  // No worker runs: the accepting process makes the first attempts.
  await receiver.waitFor(2 * payloads.length);
  for (const { body } of [asArray, asLines]) {
    for (const [index, payload] of payloads.entries()) {
      const { id } = body.data[index].message;
      const got = receiver.received.find(({ headers }) => headers['webhook-id'] === id);
      expect(got?.body.endsWith(`"data":${payload}}`)).toBe(true);
    }
  }
});

test('batches go to an ordered endpoint one after the other, and of each the messages as they were committed', async () => {
  const wish = { url: receiver.url, eventTypes: ['*'], ordering: 'fifo' };
  const { body } = await api.call('POST', '/v1/endpoints', { key, body: wish });
  const published: string[][] = [];
  for (const _ of [1, 2]) {
    const answer = await batch(JSON.stringify(Array.from({ length: 60 }, () => message())), {
      'content-type': 'application/json',
    });
    published.push(answer.body.data.map((result: { message: { id: string } }) => result.message.id));
  }
  await receiver.waitFor(120);
  const got = receiver.received.map(({ headers }) => String(headers['webhook-id']));
  const { rows } = await api.deps.pool.query<{ id: string }>(
    `SELECT 'msg_' || replace(message_id::text, '-', '') AS id FROM deliveries WHERE endpoint_id = $1 ORDER BY sequence`,
    [toUuid(body.id)],
  );
  expect(got).toEqual(rows.map(({ id }) => id));
  expect(new Set(got.slice(0, 60))).toEqual(new Set(published[0]));
  expect(new Set(got.slice(60))).toEqual(new Set(published[1]));
});

test('a message that is refused says where and why, and the others are published', async () => {
  const deep = '['.repeat(101) + ']'.repeat(101);
  const large = JSON.stringify(message({ payload: 'x'.repeat(20_000) }));
  const texts = [
    JSON.stringify(message()),
    '{"eventType":"not a name","payload":1,"colour":"red"}',
    '{"eventType":"a","eventType":"b","payload":1}',
    `{"eventType":"a","payload":${deep}}`,
    large,
    '7',
    JSON.stringify(message({ eventType: 'payment.succeeded' })),
    JSON.stringify(message()),
  ];
  const { status, body } = await batch(`[${texts.join()}]`, { 'content-type': 'application/json' });
  expect([status, body.accepted, body.refused]).toEqual([200, 2, 6]);
  const seen = body.data.map((result: { status: number; problem?: { errors?: { pointer: string }[] } }) => [
    result.status,
    result.problem?.errors?.map(({ pointer }) => pointer),
  ]);
  expect(seen).toEqual([
    [202, undefined],
    [422, ['#/1/eventType', '#/1/colour']],
    [400, ['#/2/eventType']],
    [422, ['#/3/payload']],
    [413, undefined],
    [422, ['#/5']],
    [422, ['#/6/eventType']],
    [202, undefined],
  ]);
  expect(body.data[4].problem.detail).toBe(
    `A message may have 20,000 bytes; this one has ${large.length.toLocaleString('en-US')}.`,
  );
  expect(await stored()).toBe(2);

  const lines = `${texts[0]}\n{"eventType":\n${texts[7]}`;
  const answer = await batch(lines, { 'content-type': NDJSON });
  expect(answer.body.data.map((result: { status: number }) => result.status)).toEqual([202, 400, 202]);
  expect(answer.body.data[1].problem).toMatchObject({
    type: '/docs/problems#malformed-json',
    detail: 'The message stops being JSON at byte 13 (counted from 0): expected a value.',
  });
  expect(await stored()).toBe(4);
});

test.each([
  ['an array that stops being one', '[{"eventType":"a","payload":1},', 'application/json', 400, 'at byte 31'],
  ['one message alone', '{"eventType":"a","payload":1}', 'application/json', 422, 'expected an array of messages'],
  ['no message', '[]', 'application/json', 422, 'at least one message'],
  ['only blank lines', '\n \n', NDJSON, 422, 'at least one message'],
  ['too many', `[${'1,'.repeat(1_000)}1]`, 'application/json', 422, 'at most 1,000 messages; this one has 1,001'],
  ['too many lines', '1\n'.repeat(1_234), NDJSON, 422, 'at most 1,000 messages; this one has 1,234'],
  ['too many bytes', ' '.repeat(8_388_609), NDJSON, 413, '8,388,608 bytes; this one has 8,388,609 bytes'],
  ['another type', '[]', 'text/plain', 415, 'application/json or application/x-ndjson'],
])('%s: nothing is published', async (_name, text, type, status, detail) => {
  const answer = await batch(text, { 'content-type': type });
  expect(answer.status).toBe(status);
  expect(JSON.stringify(answer.body)).toContain(detail);
  if ([400, 422].includes(status)) expect(answer.body.detail).toMatch(/ No message was published\.$/);
  // What comes after it has waited for whatever it had begun.
  await batch([message()]);
  expect(await stored()).toBe(1);
});

test('a batch that is cut off in its upload does nothing', async () => {
  const begun = once(api.server, 'request');
  const socket = createConnection((api.server.address() as AddressInfo).port);
  const lines = `${JSON.stringify(message())}\n`.repeat(50);
  socket.write(
    `POST ${PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\ncontent-type: ${NDJSON}\r\n` +
      `content-length: ${lines.length + 1}\r\n\r\n${lines}`,
  );
  const [request] = await begun;
  const closed = new Promise((resolve) => request.once('close', resolve));
  socket.resetAndDestroy();
  await closed;
  // What comes after it on the server has waited for whatever it had begun.
  await batch([message()]);
  expect(await stored()).toBe(1);
});

test('a batch that is repeated publishes each message once, by its key or by event ids', async () => {
  await endpoint();
  const ids = (answer: { body: { data: { message: { id: string } }[] } }) => answer.body.data.map((r) => r.message.id);
  const messages = Array.from({ length: 200 }, (_, n) => message({ payload: n }));
  const header = { 'idempotency-key': 'nightly-42' };
  const first = await batch(messages, header);
  const second = await batch(messages, header);
  expect(ids(second)).toEqual(ids(first));
  expect(second.body.data.every((result: { message: { duplicate: boolean } }) => result.message.duplicate)).toBe(true);

  const changed = await batch([message({ payload: 'other' }), messages[1]], header);
  expect(changed.body.data.map((result: { status: number }) => result.status)).toEqual([422, 202]);
  expect(changed.body.data[0].problem.errors).toEqual([
    { in: 'header', pointer: '#/idempotency-key', detail: 'was used for another request' },
  ]);

  const named = [message({ eventId: 'e1' }), message({ eventId: 'e2' })];
  const [one, two] = [await batch(named), await batch([...named].reverse())];
  expect(ids(two)).toEqual(ids(one).reverse());
  const single = await api.call('POST', '/v1/messages', { key, body: named[0] });
  expect([single.body.id, single.body.duplicate]).toEqual([ids(one)[0], true]);
  expect(await stored()).toBe(202);
});

test('of one event id that comes many times in a batch the first is published, and the others are it or refused', async () => {
  const body = Array.from({ length: 40 }, (_, n) => message({ eventId: 'same', payload: n % 4 === 3 ? 'other' : 1 }));
  const answer = await batch(body);
  const seen = answer.body.data.map((result: { status: number; message?: { id: string; duplicate: boolean } }) => [
    result.status,
    result.message?.duplicate,
  ]);
  expect(seen).toEqual(body.map((_, n) => (n === 0 ? [202, false] : n % 4 === 3 ? [422, undefined] : [202, true])));
  expect(answer.body.data[3].problem.errors[0].pointer).toBe('#/3/eventId');
  expect(await stored()).toBe(1);
});

test('each message counts against the rate: a batch is let in, and the next request waits for what is over it', async () => {
  let now = 0;
  const limited = await createApi({ rateLimiter: createRateLimiter({ perSecond: 100, now: () => now }) });
  try {
    const body = Array.from({ length: 250 }, () => message());
    const first = await limited.call('POST', PATH, { body });
    expect([first.status, first.body.accepted]).toEqual([200, 250]);
    expect(first.headers.ratelimit).toBe('"default";r=0;t=3');
    const second = await limited.call('POST', PATH, { body });
    expect([second.status, second.headers['retry-after']]).toEqual([429, '2']);
    now = 2_000;
    expect((await limited.call('POST', PATH, { body: [message()] })).status).toBe(200);
  } finally {
    await limited.close();
  }
});

test("another tenant's message does not wait for a large batch", async () => {
  const other = await api.newTenant();
  const text = `[${Array.from({ length: 1_000 }, (_, n) => JSON.stringify(message({ payload: 'x'.repeat(5_000), eventId: `f${n}` }))).join()}]`;
  let ended = false;
  const large = batch(text, { 'content-type': 'application/json' }).then((answer) => {
    ended = true;
    return answer;
  });
  const beforeTheEnd: boolean[] = [];
  while (!ended) {
    await api.call('POST', '/v1/messages', { key: other.key, body: message() });
    beforeTheEnd.push(!ended);
  }
  expect((await large).body.accepted).toBe(1_000);
  expect(beforeTheEnd.filter(Boolean).length).toBeGreaterThan(2);
});
