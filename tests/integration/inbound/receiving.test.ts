import { toUuid } from '../../../core/ids';
import { openHandlers } from '../../../domains/inbound';
import { inboundMetrics } from '../../../domains/inbound/metrics';
import { INBOUND_WORKFLOWS, inboundWorkflowId } from '../../../domains/inbound/rules/workflow-names';
import { createApi, type TestApi } from '../../support/api-support';
import { insertEndpoint } from '../../support/fixtures';
import { createSource, githubWebhook, mailgunWebhook, type Sent, standardWebhook } from '../../support/inbound';
import { startLatchedWorker } from '../../support/latched-worker';
import { eventually, startReceiver, type TestReceiver } from '../../support/receiver';
import { CERTIFICATE_URL, notification, startSns, subscription, TOPIC } from '../../support/sns';

let api: TestApi;
let receiver: TestReceiver;

beforeAll(async () => {
  api = await createApi({}, { WAYBILL_INBOUND_BLOCK_AFTER: '4', WAYBILL_INBOUND_BLOCK_FOR: '1s' });
  await api.pipeline.startWorker();
  receiver = await startReceiver();
  await insertEndpoint(api.deps.pool, api.deps.keyring, api.tenantId, { url: receiver.url });
});
afterAll(async () => {
  await receiver.close();
  await api.close();
});
// Blocks of one test are nothing to the next: all of them come from one address.
afterEach(() => api.deps.pool.query('DELETE FROM inbound_refusals'));

const event = async (id: string) => (await api.call('GET', `/v1/inbound/events/${id}`)).body;

async function ended(id: string) {
  return eventually(async () => {
    const found = await event(id);
    return found.state === 'pending' ? undefined : found;
  });
}

const received = (type: string) => receiver.received.filter(({ body }) => body.startsWith(`{"type":"${type}"`));

async function counted(metric: 'requests' | 'refusals' | 'blocks', label: object): Promise<number> {
  const { values } = await api.deps.metrics.of(inboundMetrics)[metric].get();
  return values.find(({ labels }) => JSON.stringify(labels) === JSON.stringify(label))?.value ?? 0;
}

test('an event is answered once it is stored, and reaches endpoints as it came', async () => {
  const source = await createSource(api, { route: { to: 'endpoints', eventType: 'partner.paid' } });
  const body = '{ "total": 12345678901234567890.10, "total": 2, "note": "\\u00e4 ä" }';
  const answer = await source.send(standardWebhook(source.secret, body, { id: 'evt-1' }));
  expect([answer.status, answer.body]).toEqual([202, { id: expect.stringMatching(/^inb_/), repeated: false }]);
  const processed = await ended(answer.body.id);
  expect(processed).toMatchObject({
    state: 'processed',
    sourceId: source.id,
    externalId: 'evt-1',
    attempts: 1,
    lastError: null,
    body,
    encoding: 'utf-8',
    workflowId: `inbound/${source.id}/${answer.body.id}`,
    messageId: expect.stringMatching(/^msg_/),
  });
  expect(processed.headers).toEqual(expect.objectContaining({ 'webhook-id': 'evt-1' }));
  expect(JSON.stringify(processed.headers)).not.toContain('v1,');
  await eventually(() => (received('partner.paid').length === 1 ? true : undefined));
  expect(received('partner.paid')[0]?.body).toContain(`"data":${body}}`);
  const workflow = api.pipeline.client.workflow.getHandle(processed.workflowId);
  expect(await workflow.result()).toEqual({ processed: 1, failed: 0, open: 0 });
  expect((await workflow.describe()).type).toBe('processInboundWebhook');
});

test('the kind that the sender names becomes part of the type; what is no JSON is wrapped', async () => {
  const source = await createSource(api, {
    scheme: 'github',
    secret: 'a secret of mine',
    route: { to: 'endpoints', eventType: 'hub', kindFrom: { from: 'header', header: 'X-GitHub-Event' } },
  });
  const text = await source.send(githubWebhook(source.secret, 'payload=%7B%7D', 'pull_request'));
  const bytes = await source.send(githubWebhook(source.secret, Buffer.from([0, 255, 1]), 'pull_request'));
  const empty = await source.send(githubWebhook(source.secret, '', 'ping'));
  for (const { status, body } of [text, bytes, empty]) {
    expect(status).toBe(202);
    expect((await ended(body.id)).state).toBe('processed');
  }
  expect((await event(bytes.body.id)).body).toBe('AP8B');
  await eventually(() =>
    received('hub.pull_request').length === 2 && received('hub.ping').length === 1 ? true : undefined,
  );
  const data = received('hub.pull_request').map(({ body }) => JSON.parse(body).data);
  expect(data).toEqual(
    expect.arrayContaining([
      { contentType: 'application/json', encoding: 'utf-8', body: 'payload=%7B%7D' },
      { contentType: 'application/octet-stream', encoding: 'base64', body: 'AP8B' },
    ]),
  );
});

test('whatever is wrong with a request, the answer is the same', async () => {
  const source = await createSource(api);
  const disabled = await createSource(api, { enabled: false });
  const deleted = await createSource(api);
  await api.call('DELETE', `/v1/inbound/sources/${deleted.id}`);
  const good = (secret: string) => standardWebhook(secret, '{"a":1}');
  const other = (sent: Sent, headers: Record<string, string>) => ({
    ...sent,
    headers: { ...sent.headers, ...headers },
  });
  const requests: [string, string, Sent][] = [
    ['an unknown source', `src_${'1'.repeat(32)}`, good(source.secret)],
    ['no source', 'nothing', good(source.secret)],
    ['a disabled source', disabled.id, good(disabled.secret)],
    ['a deleted source', deleted.id, good(deleted.secret)],
    ['the secret of another', source.id, good(disabled.secret)],
    ['no signature', source.id, { body: '{"a":1}', headers: { 'content-type': 'application/json' } }],
    ['another body', source.id, { ...good(source.secret), body: '{"a":2}' }],
    ['another id', source.id, other(good(source.secret), { 'webhook-id': 'x' })],
    ['too old', source.id, standardWebhook(source.secret, '{"a":1}', { ageMs: 302_000 })],
    ['too young', source.id, standardWebhook(source.secret, '{"a":1}', { ageMs: -302_000 })],
  ];
  const answers = [];
  for (const [name, id, sent] of requests) {
    const { status, body, headers } = await api.call('POST', `/v1/inbound/${id}`, { key: null, ...sent });
    const { instance: _, request_id: __, ...same } = body;
    answers.push([name, { status, same, type: headers['content-type'], names: Object.keys(headers).sort() }]);
    await api.deps.pool.query('DELETE FROM inbound_refusals');
  }
  const [[, first] = []] = answers;
  expect(first).toMatchObject({ status: 401, type: 'application/problem+json' });
  expect(answers).toEqual(answers.map(([name]) => [name, first]));
  const { rows } = await api.deps.pool.query('SELECT 1 FROM inbound_events WHERE source_id = $1', [toUuid(source.id)]);
  expect(rows).toEqual([]);
});

test('a topic of SNS is confirmed by who it is for, and its certificate is fetched once', async () => {
  const sns = await startSns(api);
  try {
    const source = await createSource(api, {
      scheme: 'sns',
      topicArns: [TOPIC],
      route: { to: 'handler', handler: 'keep' },
    });
    const certificate = new URL(CERTIFICATE_URL).pathname;
    const fields = subscription();
    const confirmation = `/${new URL(fields.SubscribeURL ?? '').search}`;
    const topicOfOthers = TOPIC.replace('123456789012', '666666666666');
    expect((await source.send(sns.sign(notification('a', { TopicArn: topicOfOthers })))).status).toBe(401);
    expect(sns.asked).toEqual([]);
    const forged = {
      ...sns.sign(fields),
      body: JSON.stringify({ ...JSON.parse(String(sns.sign(fields).body)), Message: '' }),
    };
    expect((await source.send(forged)).status).toBe(401);
    expect(sns.asked).toEqual([certificate]);

    sns.status = 500;
    const failed = await source.send(sns.sign(fields));
    expect([failed.status, failed.headers['retry-after']]).toEqual([503, '20']);
    sns.status = 200;
    const answers = [await source.send(sns.sign(fields)), await source.send(sns.sign(fields))];
    expect(answers.map(({ status }) => status)).toEqual([202, 200]);
    expect(sns.asked).toEqual([certificate, confirmation, confirmation]);

    const told = await source.send(sns.sign(notification('{"a":1}', { SignatureVersion: '1' })));
    expect(told.status).toBe(202);
    const missing = `${CERTIFICATE_URL.slice(0, -5)}x.pem`;
    sns.status = 404;
    for (let repeated = 0; repeated < 2; repeated++)
      expect((await source.send(sns.sign(notification('b', { SigningCertURL: missing })))).status).toBe(401);
    expect(sns.asked.slice(3)).toEqual([new URL(missing).pathname]);
    const page = await api.call('GET', `/v1/inbound/events?sourceId=${source.id}`);
    expect(page.body.data.map(({ id }: { id: string }) => id)).toEqual([told.body.id, answers[0]?.body.id]);
  } finally {
    await sns.close();
  }
});

test("a token of Mailgun's counts once, whatever is sent with it", async () => {
  const source = await createSource(api, { scheme: 'mailgun', secret: 'k', route: { to: 'handler', handler: 'keep' } });
  const first = mailgunWebhook(source.secret, { 'event-data': { event: 'failed' } });
  const other = { ...first, body: String(first.body).replace('failed', 'complained') };
  const answers = [await source.send(first), await source.send(other)];
  expect(answers.map(({ status, body }) => [status, body])).toEqual([
    [202, { id: answers[0]?.body.id, repeated: false }],
    [200, { id: answers[0]?.body.id, repeated: true }],
  ]);
});

test('whatever is wrong, the same is done: one look at the source, and one count', async () => {
  const source = await createSource(api, { route: { to: 'handler', handler: 'keep' } });
  expect((await source.send(standardWebhook(source.secret, '{}'))).status).toBe(202);
  const query = jest.spyOn(api.deps.pool, 'query');
  const wrong = standardWebhook('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', '{}');
  const old = standardWebhook(source.secret, '{}', { ageMs: 400_000 });
  const statements = [];
  for (const [id, sent] of [
    [source.id, wrong],
    [source.id, old],
    [`src_${'7'.repeat(32)}`, wrong],
  ] as const) {
    query.mockClear();
    expect((await api.call('POST', `/v1/inbound/${id}`, { key: null, ...sent })).status).toBe(401);
    const names = query.mock.calls.map(([statement]) => (statement as unknown as { name?: string }).name ?? '');
    // The worker of this process has its own.
    statements.push(names.filter((name) => /open-source|refusals|by-key/.test(name)));
  }
  query.mockRestore();
  expect(statements).toEqual(statements.map(() => ['read-open-source', 'count-inbound-refusals']));
});

test('a repetition is answered with the first event, and not processed again', async () => {
  const source = await createSource(api, { route: { to: 'endpoints', eventType: 'once' } });
  const before = await counted('requests', { outcome: 'repeated' });
  const sent = standardWebhook(source.secret, '{"n":1}', { id: 'same' });
  const answers = await Promise.all(Array.from({ length: 10 }, () => source.send(sent)));
  expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  const later = await source.send(standardWebhook(source.secret, '{"n":2}', { id: 'same' }));
  expect([later.status, later.body]).toEqual([200, { id: answers[0]?.body.id, repeated: true }]);
  expect((await counted('requests', { outcome: 'repeated' })) - before).toBe(10);
  await ended(later.body.id);
  await eventually(() => (received('once').length === 1 ? true : undefined));
  const other = await createSource(api, { route: { to: 'handler', handler: 'keep' } });
  expect((await other.send(standardWebhook(other.secret, '{"n":1}', { id: 'same' }))).status).toBe(202);
});

test('while a secret rotates both verify; a removed or expired one does not', async () => {
  const source = await createSource(api, { route: { to: 'handler', handler: 'keep' } });
  const send = async (secret: string) => (await source.send(standardWebhook(secret, '{}'))).status;
  expect(await send(source.secret)).toBe(202);
  const path = `/v1/inbound/sources/${source.id}/secrets`;
  const added = await api.call('POST', path, { body: { overlap: '1h' } });
  expect([added.status, await send(added.body.secret), await send(source.secret)]).toEqual([201, 202, 202]);
  const { body: list } = await api.call('GET', path);
  expect(list.data.map(({ id }: { id: string }) => id)).toContain(added.body.id);
  expect(JSON.stringify(list)).not.toContain('whsec_');
  const old = list.data.find(({ id }: { id: string }) => id !== added.body.id);
  expect([Date.parse(old.expiresAt) > Date.now(), added.body.expiresAt]).toEqual([true, null]);
  expect((await api.call('DELETE', `${path}/${old.id}`)).status).toBe(204);
  expect([await send(source.secret), await send(added.body.secret)]).toEqual([401, 202]);
  const only = await api.call('DELETE', `${path}/${added.body.id}`);
  expect([only.status, only.body.type]).toEqual([409, '/docs/problems#wrong-state']);
  const next = await api.call('POST', path, { body: { overlap: '0s' } });
  expect([await send(added.body.secret), await send(next.body.secret)]).toEqual([401, 202]);
  const twice = await api.call('POST', path, { body: { secret: next.body.secret } });
  expect([twice.status, twice.body.errors?.[0]?.pointer]).toEqual([422, '#/secret']);
});

test('an address that is refused again and again is blocked for a while, there and nowhere else', async () => {
  const source = await createSource(api, { route: { to: 'handler', handler: 'keep' } });
  const other = await createSource(api, { route: { to: 'handler', handler: 'keep' } });
  const good = () => source.send(standardWebhook(source.secret, '{}'));
  const blocks = await counted('blocks', {});
  expect((await good()).status).toBe(202);
  for (let failure = 0; failure < 4; failure++) {
    expect((await source.send(standardWebhook(other.secret, '{}'))).status).toBe(401);
  }
  expect((await good()).status).toBe(401);
  expect((await counted('blocks', {})) - blocks).toBe(1);
  expect((await other.send(standardWebhook(other.secret, '{}'))).status).toBe(202);
  const { body } = await api.call('GET', `/v1/inbound/sources/${source.id}/blocks`);
  expect(body.data).toEqual([{ address: '127.0.0.1', failures: 4, until: expect.any(String) }]);
  await eventually(async () => ((await good()).status === 202 ? true : undefined));
});

test('a block counts in every process, and is lifted by command', async () => {
  const source = await createSource(api, { route: { to: 'handler', handler: 'keep' } });
  // As another process would.
  await api.deps.pool.query(
    `INSERT INTO inbound_refusals VALUES ($1, '127.0.0.1', 9, now(), now() + interval '1 hour', now() + interval '1 hour')`,
    [toUuid(source.id)],
  );
  const good = () => source.send(standardWebhook(source.secret, '{}'));
  expect((await good()).status).toBe(401);
  expect((await source.send(standardWebhook('whsec_AAAA', '{}'))).status).toBe(401);
  expect((await good()).status).toBe(401);
  expect((await api.call('DELETE', `/v1/inbound/sources/${source.id}/blocks`)).status).toBe(204);
  expect((await good()).status).toBe(202);
});

test('who tries sources that do not exist is counted, and blocked nowhere: others may share the address', async () => {
  const source = await createSource(api, { route: { to: 'handler', handler: 'keep' } });
  const blocks = await counted('blocks', {});
  for (let guess = 0; guess < 6; guess++) {
    const sent = standardWebhook(source.secret, '{}');
    await api.call('POST', `/v1/inbound/src_${String(guess).repeat(32)}`, { key: null, ...sent });
  }
  const { rows } = await api.deps.pool.query('SELECT source_id FROM inbound_refusals');
  expect(rows).toEqual([{ source_id: '00000000-0000-0000-0000-000000000000' }]);
  expect((await source.send(standardWebhook(source.secret, '{}'))).status).toBe(202);
  expect(await counted('blocks', {})).toBe(blocks);
});

test('a body that is too large is refused before it is looked at', async () => {
  const answer = await api.call('POST', '/v1/inbound/nothing', {
    key: null,
    body: Buffer.alloc(1_048_577, 'x'),
    headers: { 'content-type': 'text/plain' },
  });
  expect(answer.status).toBe(413);
});

test('a handler that fails is tried again; given up, its event is retried by command, by the route as it is then', async () => {
  let calls = 0;
  openHandlersOf(api).register({
    name: 'flaky',
    handle: async ({ id }, db) => {
      await db.query({
        text: 'UPDATE inbound_events SET external_id = $2 WHERE id = $1',
        values: [toUuid(id), 'seen'],
      });
      if (calls++ === 0) throw new Error('not now');
    },
  });
  const source = await createSource(api, { route: { to: 'handler', handler: 'flaky' } });
  const { body } = await source.send(standardWebhook(source.secret, '{}', { id: 'e' }));
  await eventually(async () => ((await event(body.id)).lastError === 'not now' ? true : undefined));
  expect((await event(body.id)).externalId).toBe('e');
  expect(await ended(body.id)).toMatchObject({ state: 'processed', attempts: 2, externalId: 'seen', lastError: null });
  expect(calls).toBe(2);
  const again = await api.call('POST', `/v1/inbound/events/${body.id}/retry`);
  expect([again.status, again.body.type]).toEqual([409, '/docs/problems#wrong-state']);

  await api.deps.pool.query(`UPDATE inbound_sources SET route = '{"to":"handler","handler":"gone"}' WHERE id = $1`, [
    toUuid(source.id),
  ]);
  const failed = await source.send(standardWebhook(source.secret, '{}'));
  expect(await ended(failed.body.id)).toMatchObject({ state: 'failed', lastError: 'there is no handler gone' });
  const listed = await api.call('GET', `/v1/inbound/events?state=failed&sourceId=${source.id}`);
  expect(listed.body.data.map(({ id }: { id: string }) => id)).toEqual([failed.body.id]);
  await api.call('PATCH', `/v1/inbound/sources/${source.id}`, { body: { route: { to: 'handler', handler: 'keep' } } });
  expect((await api.call('POST', `/v1/inbound/events/${failed.body.id}/retry`)).status).toBe(202);
  expect((await ended(failed.body.id)).state).toBe('processed');
});

test('an event that is retried while the workflow that gave it up ends is processed by it', async () => {
  const source = await createSource(api, { route: { to: 'handler', handler: 'keep' } });
  const { id } = (await source.send(standardWebhook(source.secret, '{}'))).body;
  await ended(id);
  const workflowId = inboundWorkflowId(source.id, id);
  await api.pipeline.client.workflow.getHandle(workflowId).result();
  await api.deps.pool.query("UPDATE inbound_events SET state = 'failed' WHERE id = $1", [toUuid(id)]);
  const worker = await startLatchedWorker(api.pipeline, 'processInboundEvents');
  try {
    const options = { workflowId, taskQueue: worker.taskQueue, args: [] };
    const workflow = await api.pipeline.client.workflow.start(INBOUND_WORKFLOWS.processInboundWebhook, options);
    await worker.done;
    expect((await api.call('POST', `/v1/inbound/events/${id}/retry`)).status).toBe(202);
    worker.release();
    expect(await workflow.result()).toMatchObject({ processed: 1, open: 0 });
  } finally {
    await worker.stop();
  }
  expect((await event(id)).state).toBe('processed');
});

test('what a handler throws is kept as far as it can be, and nothing of what servers say', async () => {
  const thrown = [`\0${'x'.repeat(498)}😀`, Object.assign(new Error('10.0.0.1 refused'), { code: 'ECONNREFUSED' })];
  openHandlersOf(api).register({
    name: 'odd',
    handle: async () => {
      const next = thrown.shift();
      throw typeof next === 'string' ? new Error(next) : next;
    },
  });
  const source = await createSource(api, { route: { to: 'handler', handler: 'odd' } });
  const { body } = await source.send(standardWebhook(source.secret, '{}'));
  const errors = async (attempts: number) =>
    eventually(async () => {
      const found = await event(body.id);
      return found.attempts === attempts ? found.lastError : undefined;
    });
  expect(await errors(1)).toBe(`\ufffd${'x'.repeat(498)}\ufffd`);
  expect(await errors(2)).toBe('it could not be handled');
});

function openHandlersOf({ pipeline }: TestApi) {
  return pipeline.platform.once(openHandlers);
}
