import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import pino from 'pino';
import request from 'supertest';
import { toUuid } from '../../../core/ids';
import { type CallOptions, createApi, listen, type TestApi } from '../../support/api-support';

let api: TestApi;
let receiver: Server;
let url: string;
const received: { path: string; id: string; body: { type: string; timestamp: string; data: unknown } }[] = [];

beforeAll(async () => {
  api = await createApi();
  receiver = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString());
      received.push({ path: req.url ?? '', id: String(req.headers['webhook-id']), body });
      res.end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await api.close();
  await new Promise((resolve) => receiver.close(resolve));
});

const publish = (body: unknown, options: CallOptions = {}) => api.call('POST', '/v1/messages', { body, ...options });
const withKey = (key: string) => ({ headers: { 'idempotency-key': key } });

async function endpoint(body: object): Promise<string> {
  const path = `/${Math.random().toString(36).slice(2)}`;
  const { body: created } = await api.call('POST', '/v1/endpoints', { body: { url: url + path, ...body } });
  return created.id;
}

async function arrived(id: string) {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const found = received.filter((message) => message.id === id);
    if (found.length > 0) return found;
    if (Date.now() > deadline) throw new Error(`${id} did not arrive`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('a message is accepted with its deliveries, each with the page of its workflow, and arrives', async () => {
  const wanting = await endpoint({ eventTypes: ['order.*'] });
  await endpoint({ eventTypes: ['refund.created'] });
  const { status, body, headers } = await publish({
    eventType: 'order.created',
    payload: { total: '1.00' },
    eventId: 'e-1',
  });
  expect(status).toBe(202);
  expect(headers.location).toBe(`/v1/messages/${body.id}`);
  expect(body).toMatchObject({ eventType: 'order.created', eventId: 'e-1', duplicate: false, deliveryCount: 1 });
  expect(body.deliveries).toEqual([
    {
      id: expect.stringMatching(/^dlv_/),
      endpointId: wanting,
      workflowId: expect.any(String),
      workflowUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:8233\//),
    },
  ]);
  const [message] = await arrived(body.id);
  expect(message?.body).toEqual({ type: 'order.created', timestamp: body.createdAt, data: { total: '1.00' } });
});

test('a message that nobody wants is accepted all the same', async () => {
  expect((await publish({ eventType: 'nobody.cares', payload: null })).body).toMatchObject({
    deliveryCount: 0,
    deliveries: [],
  });
});

test.each([[null], [0], ['text'], [[]], [{ nested: { deep: [1, { a: null }] } }], [{ __proto__x: 1 }]])(
  'the payload %j is read back as it was given',
  async (payload) => {
    const { body } = await publish({ eventType: 'payload.kept', payload });
    expect((await api.call('GET', `/v1/messages/${body.id}`)).body.payload).toEqual(payload);
  },
);

test('a second publish with the same key is answered with the first message, bare or quoted', async () => {
  const body = { eventType: 'key.used', payload: { a: 1 } };
  const first = await publish(body, withKey('k-1'));
  expect(first.body.duplicate).toBe(false);
  for (const key of ['k-1', '"k-1"', ' k-1 ']) {
    const again = await publish(body, withKey(key));
    expect(again.status).toBe(202);
    expect(again.body).toEqual({ ...first.body, duplicate: true });
  }
  expect((await publish(body, withKey('k-2'))).body.id).not.toBe(first.body.id);
});

test('a hundred publishes with one event id at once make one message', async () => {
  const id = await endpoint({ eventTypes: ['once.only'] });
  const body = { eventType: 'once.only', payload: 1, eventId: 'once' };
  const answers = await Promise.all(Array.from({ length: 100 }, () => publish(body)));
  expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
  expect(answers.filter((answer) => !answer.body.duplicate)).toHaveLength(1);
  const { body: deliveries } = await api.call('GET', `/v1/deliveries?endpointId=${id}`);
  expect(deliveries.data).toHaveLength(1);
});

test('a key that was used for another message is refused, naming which', async () => {
  const body = { eventType: 'key.reused', payload: 1 };
  await publish(body, withKey('reused'));
  const byHeader = await publish({ ...body, payload: 2 }, withKey('reused'));
  expect([byHeader.status, byHeader.body.type]).toEqual([422, '/docs/problems#idempotency-key-reuse']);
  expect(byHeader.body.errors).toEqual([
    { in: 'header', pointer: '#/idempotency-key', detail: 'was used for another request' },
  ]);
  await publish({ ...body, eventId: 'reused' });
  const byEvent = await publish({ ...body, payload: 2, eventId: 'reused' });
  expect(byEvent.body.errors).toEqual([{ in: 'body', pointer: '#/eventId', detail: 'was used for another message' }]);
});

test("another tenant's keys and event ids do not clash", async () => {
  const other = await api.newTenant();
  const body = { eventType: 'key.mine', payload: 1, eventId: 'same' };
  const mine = await publish(body, withKey('same'));
  const theirs = await publish({ ...body, payload: 2 }, { ...withKey('same'), key: other.key });
  expect([mine.status, theirs.status, theirs.body.duplicate]).toEqual([202, 202, false]);
});

test.each([
  ['', 400],
  ['""', 400],
  ['"a";b=1', 400],
  ['"a"b"', 400],
  ['"a', 400],
  ['ä', 400],
  ['x'.repeat(256), 400],
  ['x'.repeat(255), 202],
  ['"with \\"quotes\\""', 400],
  ['"with-\\"quotes\\""', 202],
])('the idempotency key %j is answered %i', async (key, status) => {
  const header = Buffer.from(key).toString('latin1');
  expect((await publish({ eventType: 'key.shape', payload: 1 }, withKey(header))).status).toBe(status);
});

test('channels decide which endpoints get a message', async () => {
  const [berlin, hamburg, any] = [
    await endpoint({ eventTypes: ['chan'], channels: ['berlin'] }),
    await endpoint({ eventTypes: ['chan'], channels: ['hamburg', 'kiel'] }),
    await endpoint({ eventTypes: ['chan'] }),
  ];
  const targets = async (channels?: string[]) =>
    (await publish({ eventType: 'chan', payload: 1, channels })).body.deliveries
      .map((delivery: { endpointId: string }) => delivery.endpointId)
      .sort();
  expect(await targets(['berlin'])).toEqual([berlin, any].sort());
  expect(await targets(['kiel', 'berlin'])).toEqual([berlin, hamburg, any].sort());
  expect(await targets()).toEqual([any]);
});

test.each([
  [{ payload: 1 }, '#/eventType'],
  [{ eventType: 'a' }, '#/payload'],
  [{ eventType: 'a..b', payload: 1 }, '#/eventType'],
  [{ eventType: 'a.*', payload: 1 }, '#/eventType'],
  [{ eventType: 'waybill.test', payload: 1 }, '#/eventType'],
  [{ eventType: 'x'.repeat(129), payload: 1 }, '#/eventType'],
  [{ eventType: 'a', payload: 1, eventId: '' }, '#/eventId'],
  [{ eventType: 'a', payload: 1, channels: ['a b'] }, '#/channels/0'],
  [{ eventType: 'a', payload: 1, contentExpiresIn: '91d' }, '#/contentExpiresIn'],
  [{ eventType: 'a', payload: 1, tags: [] }, '#/tags'],
])('%j is refused at %s', async (body, pointer) => {
  const answer = await publish(body);
  expect([answer.status, answer.body.errors?.map((error: { pointer: string }) => error.pointer)]).toEqual([
    422,
    [pointer],
  ]);
});

test('a payload nested absurdly deep is refused, one nested deep is kept', async () => {
  const nested = (levels: number) => `{"eventType":"deep","payload":${'['.repeat(levels)}${']'.repeat(levels)}}`;
  const headers = { 'content-type': 'application/json' };
  for (const levels of [101, 100_000]) {
    const { status, body } = await publish(nested(levels), { headers });
    expect([levels, status, body.errors[0].pointer]).toEqual([levels, 422, '#/payload']);
  }
  const kept = await publish(nested(100), { headers });
  expect((await api.call('GET', `/v1/messages/${kept.body.id}`)).status).toBe(200);
});

test('a body that is no object is refused, each kind of it', async () => {
  for (const text of ['[]', 'null', '"a"', '1', 'true']) {
    const answer = await publish(text, { headers: { 'content-type': 'application/json' } });
    expect([text, answer.status, answer.body.errors[0].pointer]).toEqual([text, 422, '#']);
  }
  const none = await api.call('POST', '/v1/messages');
  expect([none.status, none.body.errors]).toEqual([422, [{ in: 'body', pointer: '#', detail: 'is required' }]]);
});

test("content is forgotten when asked, or after the publisher's time, and what is left says so", async () => {
  const { body: message } = await publish({ eventType: 'content.gone', payload: { pin: 1 }, contentExpiresIn: '2h' });
  const path = `/v1/messages/${message.id}`;
  const before = (await api.call('GET', path)).body;
  expect(before).toMatchObject({ contentExpired: false, payload: { pin: 1 } });
  const expires = new Date(before.contentExpiresAt).getTime();
  expect(Math.abs(expires - Date.now() - 7_200_000)).toBeLessThan(60_000);
  expect((await api.call('DELETE', `${path}/content`)).status).toBe(204);
  const after = (await api.call('GET', path)).body;
  expect(after).toEqual({ ...before, contentExpired: true, contentExpiresAt: null, payload: undefined });
  expect('payload' in after).toBe(false);
  const { rows } = await api.deps.pool.query('SELECT body FROM messages WHERE id = $1', [toUuid(message.id)]);
  expect(rows).toEqual([{ body: null }]);
  expect((await api.call('DELETE', `${path}/content`)).status).toBe(204);
});

test('without a time of its own content is kept for the configured retention', async () => {
  const { body: message } = await publish({ eventType: 'content.kept', payload: 1 });
  const { body } = await api.call('GET', `/v1/messages/${message.id}`);
  const kept = new Date(body.contentExpiresAt).getTime() - new Date(body.createdAt).getTime();
  expect(kept).toBe(api.pipeline.config.WAYBILL_CONTENT_RETENTION);
});

test('messages are listed by type and time, without payloads', async () => {
  const other = await api.newTenant();
  const publishAs = async (eventType: string) =>
    (await publish({ eventType, payload: { secret: 1 } }, { key: other.key })).body as {
      id: string;
      createdAt: string;
    };
  const made = [await publishAs('list.a'), await publishAs('list.b'), await publishAs('list.a')];
  const list = async (query: string) => {
    const { body } = await api.call('GET', `/v1/messages?${query}`, { key: other.key });
    return body.data.map((message: { id: string }) => made.findIndex(({ id }) => id === message.id));
  };
  expect(await list('')).toEqual([2, 1, 0]);
  expect(await list('order=asc')).toEqual([0, 1, 2]);
  expect(await list('eventType=list.a')).toEqual([2, 0]);
  const second = made[1]?.createdAt ?? '';
  const later = new Date(new Date(second).getTime() + 60_000).toISOString();
  expect(await list(`since=${later}`)).toEqual([]);
  expect(await list(`until=${later}&since=2020-01-01T00:00:00%2B02:00`)).toEqual([2, 1, 0]);
  const { text } = await api.call('GET', '/v1/messages', { key: other.key });
  expect(text).not.toContain('secret');
  expect((await api.call('GET', '/v1/messages?since=yesterday')).body.errors[0].pointer).toBe('#/since');
});

test('a test event goes to one endpoint alone, whatever it subscribes to', async () => {
  const id = await endpoint({ eventTypes: ['other.things'], channels: ['berlin'] });
  await endpoint({});
  const sent = await api.call('POST', `/v1/endpoints/${id}/test`, { body: { payload: { hello: 'there' } } });
  expect(sent.status).toBe(202);
  expect(sent.body).toMatchObject({ eventType: 'waybill.test', deliveryCount: 1, deliveries: [{ endpointId: id }] });
  const [message] = await arrived(sent.body.id);
  expect(message?.body).toMatchObject({ type: 'waybill.test', data: { hello: 'there' } });
  expect((await api.call('POST', `/v1/endpoints/${id}/test`)).status).toBe(202);
  await api.call('POST', `/v1/endpoints/${id}/disable`);
  expect((await api.call('POST', `/v1/endpoints/${id}/test`)).status).toBe(409);
});

test('no secret is logged, whatever happens', async () => {
  // The log of a run at the most verbose level is searched for everything planted.
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => lines.push(line) });
  const server = await listen({ ...api.deps, log, publisher: { publish: () => Promise.reject(new Error('broken')) } });
  const planted = [
    'planted-payload',
    'planted-header',
    `whsec_${Buffer.from('planted-secret-planted-secret').toString('base64')}`,
  ];
  const authorization = `Bearer ${api.key}`;
  const endpointBody = { url, headers: { 'x-a': planted[1] }, secret: planted[2] };
  await request(server).post('/v1/endpoints').set({ authorization }).send(endpointBody).expect(201);
  await request(server)
    .post('/v1/endpoints')
    .set({ authorization })
    .send({ ...endpointBody, url: 1 })
    .expect(422);
  await request(server)
    .post('/v1/messages')
    .set({ authorization })
    .send({ eventType: 'a', payload: planted[0] })
    .expect(500);
  await request(server)
    .get('/v1/messages')
    .set({ authorization: `${authorization}x` })
    .expect(401);
  await new Promise((resolve) => server.close(resolve));
  const text = lines.join('');
  expect(lines.length).toBeGreaterThanOrEqual(5);
  for (const secret of [...planted, api.key, api.key.slice(-43)]) expect(text).not.toContain(secret);
});
