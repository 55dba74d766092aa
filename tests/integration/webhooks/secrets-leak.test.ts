import { randomBytes } from 'node:crypto';
import { newId, type PublicId, toUuid } from '../../../core/ids';
import { newSecret } from '../../../domains/webhooks/rules/signature';
import { createRedis } from '../../../infra/redis/client';
import { taskQueue, WORK } from '../../../infra/temporal/task-queues';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { captureEverything, captureLog, type LogCapture } from '../../support/log-capture';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually, startReceiver, type TestReceiver } from '../../support/receiver';

const plant = (name: string) => `PLANTED-${name}-${randomBytes(9).toString('hex')}`;
const planted = {
  secret: newSecret(),
  oldSecret: newSecret(),
  header: plant('header'),
  payload: plant('payload'),
  adminKey: `wb_live_${randomBytes(16).toString('hex')}_${randomBytes(32).toString('base64url')}`,
  encryptionKey: randomBytes(32).toString('base64'),
};

/** Everything that must not be found, and the forms that it could take. */
function forbidden(receiver: TestReceiver): string[] {
  const signatures = receiver.received.flatMap((request) => String(request.headers['webhook-signature']).split(' '));
  const secrets = [planted.secret, planted.oldSecret].flatMap((secret) => {
    const encoded = secret.slice('whsec_'.length);
    return [encoded, Buffer.from(encoded, 'base64').toString('hex')];
  });
  const adminSecret = planted.adminKey.slice(planted.adminKey.lastIndexOf('_', 41) + 1);
  return [...secrets, ...signatures, planted.header, planted.payload, adminSecret, planted.encryptionKey];
}

let pipeline: Pipeline;
let receiver: TestReceiver;
let capture: LogCapture;
let tenantId: PublicId;
let deliveryIds: PublicId[];

beforeAll(async () => {
  capture = captureEverything();
  receiver = await startReceiver();
  pipeline = await createPipeline(
    {
      WAYBILL_ADMIN_KEY: planted.adminKey,
      WAYBILL_KEYS: `planted:${planted.encryptionKey}`,
      WAYBILL_SWEEP_GRACE: '500ms',
    },
    { log: capture.log },
  );
  await pipeline.startWorker();
  tenantId = await insertTenant(pipeline.database.pool);
  deliveryIds = await goThroughEverything();
});
afterAll(async () => {
  await pipeline.close();
  await receiver.close();
});

/** An endpoint with a rotating secret and a custom header. */
async function endpoint(path: string, options: Partial<Parameters<typeof insertEndpoint>[3]> = {}): Promise<PublicId> {
  const { pool } = pipeline.database;
  const { keyring } = pipeline.dispatch;
  const url = path.startsWith('http') ? path : receiver.url + path;
  const { id } = await insertEndpoint(pool, keyring, tenantId, {
    patterns: ['all'],
    delaysMs: [50],
    secret: planted.secret,
    ...options,
    url,
  });
  const headers = keyring.encrypt(JSON.stringify({ 'x-planted': planted.header }), `endpoints/${toUuid(id)}/headers`);
  await pool.query('UPDATE endpoints SET headers_encrypted = $2 WHERE id = $1', [toUuid(id), headers]);
  const secretId = toUuid(newId('sec'));
  await pool.query(
    "INSERT INTO endpoint_secrets (id, endpoint_id, secret_encrypted, expires_at) VALUES ($1, $2, $3, now() + interval '1 day')",
    [secretId, toUuid(id), keyring.encrypt(planted.oldSecret, `endpoint_secrets/${secretId}`)],
  );
  return id;
}

/** Takes deliveries every way they can go, so that each place that could log or tell Temporal does so. */
async function goThroughEverything(): Promise<PublicId[]> {
  receiver.always((request) => {
    // A receiver that sends back all it got is the worst input for a log.
    const echo = JSON.stringify({ headers: request.headers, body: request.body });
    if (request.path.endsWith('/fails')) return { status: 500, body: echo };
    if (request.path.endsWith('/gone')) return { status: 410, body: echo };
    if (request.path.endsWith('/hangs')) return { status: 200, delayMs: 1_500, body: echo };
    if (request.path.endsWith('/breaks')) return { status: 0 };
    return { status: 200, body: echo };
  });
  await endpoint('/fine');
  await endpoint('/fails');
  await endpoint('/gone');
  await endpoint('/hangs', { timeoutMs: 1_000, delaysMs: [] });
  await endpoint('/breaks');
  await endpoint('http://127.0.0.1:1/refused');
  await endpoint('http://10.1.2.3/blocked');
  const waiting = await endpoint('/fails', { delaysMs: [600_000], patterns: ['wait'] });
  const broken = await endpoint('/fine', { patterns: ['broken'], delaysMs: [] });
  await pipeline.database.pool.query("UPDATE endpoint_secrets SET secret_encrypted = '\\x01' WHERE endpoint_id = $1", [
    toUuid(broken),
  ]);

  const ids = await publish('all', { eventId: 'e1', idempotencyKey: 'k1' });
  expect(ids).toHaveLength(7);
  await publish('all', { eventId: 'e1', idempotencyKey: 'k1' });
  await pipeline.publisher.publish({
    ...message('all'),
    eventId: 'e1',
    data: JSON.stringify({ other: planted.payload }),
  });
  for (const bad of [{ eventId: 'x\u0000' }, { idempotencyKey: '\ud800' }, { channels: ['\u0000'] }]) {
    // The API logs what it cannot explain.
    await pipeline.publisher
      .publish({ ...message('all'), ...bad })
      .catch((err) => capture.log.error({ err }, 'publish failed'));
  }
  await publish('broken');

  const [cancelled, retried] = [await publish('wait'), await publish('wait')].flat();
  await untilState(cancelled, 'retrying');
  await untilState(retried, 'retrying');
  await pipeline.commands.cancel(tenantId, cancelled ?? '');
  await pipeline.commands.retry(tenantId, retried ?? '');
  await pipeline.database.pool.query("UPDATE endpoints SET state = 'paused' WHERE id = $1", [toUuid(waiting)]);
  await publish('wait');
  await pipeline.database.pool.query("UPDATE endpoints SET state = 'enabled' WHERE id = $1", [toUuid(waiting)]);
  await pipeline.commands.letHeldFollow(tenantId, waiting);

  const ended = await eventually(async () => {
    const { rows } = await pipeline.database.pool.query(
      "SELECT 1 FROM deliveries WHERE message_id = (SELECT message_id FROM deliveries WHERE id = $1) AND state IN ('pending', 'retrying')",
      [toUuid(ids[0] ?? '')],
    );
    return rows.length === 0 ? true : undefined;
  });
  expect(ended).toBe(true);
  const { rows } = await pipeline.database.pool.query<{ id: string }>('SELECT id FROM dead_letters LIMIT 1');
  await pipeline.commands.retryDeadLetter(tenantId, `dl_${rows[0]?.id.replaceAll('-', '')}`);
  await pipeline.database.pool.query(
    "UPDATE deliveries SET state = 'cancelled' WHERE state IN ('pending', 'retrying')",
  );
  await pipeline.dispatch.engine.drain();
  await pipeline.coverage.flush();
  return ids;
}

const message = (eventType: string) => ({
  tenantId,
  eventType,
  data: JSON.stringify({ data: planted.payload }),
  channels: [],
});

async function publish(
  eventType: string,
  keys: { eventId?: string; idempotencyKey?: string } = {},
): Promise<PublicId[]> {
  const result = await pipeline.publisher.publish({ ...message(eventType), ...keys });
  if (result.outcome !== 'accepted') throw new Error('not accepted');
  return result.deliveries.map(({ id }) => id);
}

async function untilState(deliveryId: PublicId | undefined, state: string): Promise<void> {
  await eventually(async () => {
    const { rows } = await pipeline.database.pool.query('SELECT state FROM deliveries WHERE id = $1', [
      toUuid(deliveryId ?? ''),
    ]);
    return rows[0]?.state === state ? true : undefined;
  });
}

/** As text, with bytes decoded: payloads are bytes inside the history. */
function asText(value: unknown): string {
  return JSON.stringify(value, (_key, inner) => {
    if (inner instanceof Uint8Array) return Buffer.from(inner).toString();
    if (inner?.type === 'Buffer' && Array.isArray(inner.data)) return Buffer.from(inner.data).toString();
    return inner;
  });
}

function expectNothingPlanted(text: string): void {
  for (const value of forbidden(receiver)) {
    expect(value.length).toBeGreaterThan(10);
    const at = text.indexOf(value);
    if (at >= 0) throw new Error(`found a planted value in: ${text.slice(Math.max(0, at - 200), at + 100)}`);
  }
}

test('what is planted did reach the receiver', () => {
  const [request] = receiver.received;
  expect(request?.body).toContain(planted.payload);
  expect(request?.headers['x-planted']).toBe(planted.header);
  expect(String(request?.headers['webhook-signature']).split(' ')).toHaveLength(2);
});

test('no workflow history holds a secret or a payload', async () => {
  const queues = WORK.map((work) => `"${taskQueue(pipeline.config, work)}"`);
  const query = `TaskQueue IN (${queues.join(', ')})`;
  const texts = await eventually(async () => {
    const found: string[] = [];
    for await (const { workflowId, runId } of pipeline.client.workflow.list({ query })) {
      const handle = pipeline.client.workflow.getHandle(workflowId, runId);
      const { raw } = await handle.describe();
      found.push(asText(await handle.fetchHistory()) + asText(raw));
    }
    const all = found.join();
    const expected = [...deliveryIds, 'retryNow', 'cancelDeliveries', 'serveBacklog', 'attemptRound'];
    return expected.every((text) => all.includes(text)) ? found : undefined;
  });
  for (const text of texts) expectNothingPlanted(text);
});

test('no log line holds a secret or a payload, even without redaction', () => {
  const text = capture.lines.join('\n');
  for (const expected of [
    'attempt failed',
    'http-410',
    'timeout',
    'blocked',
    'could not read the endpoint',
    'publish failed',
  ]) {
    expect(text).toContain(expected);
  }
  expectNothingPlanted(text);
});

test('what the database and Redis keep of an endpoint is encrypted', async () => {
  const { rows } = await pipeline.database.pool.query(
    `SELECT string_agg(encode(secret_encrypted, 'escape'), ' ') AS secrets, string_agg(encode(headers_encrypted, 'escape'), ' ') AS headers
     FROM endpoint_secrets s JOIN endpoints e ON e.id = s.endpoint_id`,
  );
  expect(rows[0].secrets.length).toBeGreaterThan(100);
  expectNothingPlanted(JSON.stringify(rows));
  const redis = createRedis(process.env.REDIS_URL, 'waybill', capture.log);
  if (redis === undefined) return;
  await new Promise((resolve) => redis.once('ready', resolve));
  const endpoints = await pipeline.database.pool.query<{ id: string }>('SELECT id FROM endpoints');
  const entries = await Promise.all(
    endpoints.rows.map(({ id }) => redis.get(`endpoint:ep_${id.replaceAll('-', '')}:1`)),
  );
  redis.disconnect();
  expect(entries.filter((entry) => entry !== null).length).toBeGreaterThan(5);
  expectNothingPlanted(JSON.stringify(entries));
});

(process.env.REDIS_URL === undefined ? test.skip : test)('a Redis password that is refused is not logged', async () => {
  const { log, lines } = captureLog();
  const url = new URL(process.env.REDIS_URL ?? '');
  url.username = 'nobody';
  url.password = planted.payload;
  const redis = createRedis(url.href, 'waybill', log);
  await eventually(() => (lines.length > 0 ? true : undefined));
  redis?.disconnect();
  expect(lines.join()).toMatch(/WRONGPASS/);
  expect(lines.join()).not.toContain(planted.payload);
});
