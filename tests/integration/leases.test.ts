import { randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { createActivities } from '../../activities';
import { startCover } from '../../activities/webhooks/cover-workflow';
import { createDelivery, type Delivery } from '../../activities/webhooks/dependencies';
import { createEndpointConfigCache } from '../../activities/webhooks/endpoint-config-cache';
import type { PublishResult } from '../../api/messages/publisher';
import { matchingPatterns } from '../../core/event-type';
import { newId, type PublicId, timeOfId, toUuid } from '../../core/ids';
import { newSecret } from '../../core/signature';
import { createRedis } from '../../infra/redis/client';
import { createMetrics } from '../../infra/observability/metrics';
import { batchWorkflowId, RETRY_NOW } from '../../infra/temporal/names';
import { type AttemptOutcome, recordOutcomes } from '../../store/attempt-outcomes';
import { claimDue } from '../../store/claims';
import { type StoredDelivery, storeMessages } from '../../store/publish';
import { insertEndpoint, insertTenant } from '../support/fixtures';
import { type HeldReceiver, startHeldReceiver } from '../support/held-receiver';
import { createPipeline, type Pipeline } from '../support/pipeline';
import { eventually, type ReceivedRequest, startReceiver, type TestReceiver } from '../support/receiver';

let pipeline: Pipeline;
let receiver: TestReceiver;
let tenantId: PublicId;

beforeAll(async () => {
  pipeline = await createPipeline({ WAYBILL_SWEEP_GRACE: '500ms' });
  await pipeline.startWorker();
});
afterAll(async () => {
  await pipeline.close();
});
beforeEach(async () => {
  receiver = await startReceiver();
  tenantId = await insertTenant(pipeline.database.pool);
});
afterEach(async () => {
  await receiver.close();
});

const endpoint = (options: Partial<Parameters<typeof insertEndpoint>[3]> = {}) =>
  insertEndpoint(pipeline.database.pool, pipeline.delivery.keyring, tenantId, { url: receiver.url, ...options });

async function query<R extends object>(text: string, ...values: unknown[]): Promise<R[]> {
  return (await pipeline.database.pool.query<R>(text, values)).rows;
}

async function publish(from: Pipeline = pipeline, eventType = 'order.created'): Promise<PublicId> {
  const result: PublishResult = await from.publisher.publish({ tenantId, eventType, payload: {}, channels: [] });
  if (result.outcome !== 'accepted') throw new Error('not accepted');
  return only(result.deliveries).id;
}

/** Stores a message as a process does that dies before it makes the first attempt. */
async function storeOnly(options: { claim?: string; leaseMs?: number; count?: number } = {}): Promise<StoredDelivery[]> {
  const messages = Array.from({ length: options.count ?? 1 }, () => {
    const id = newId('message');
    const eventType = 'order.created';
    return {
      id,
      tenantId,
      eventType,
      patterns: matchingPatterns(eventType),
      eventId: undefined,
      channels: [],
      body: '{"type":"order.created"}',
      contentExpiresAt: undefined,
      createdAt: new Date(timeOfId(id)),
      keys: [],
      fingerprint: '',
      onlyEndpointId: undefined,
    };
  });
  const stored = await storeMessages(pipeline.database.pool, messages, {
    claim: options.claim,
    // A lease is this much longer than the endpoint's timeout.
    leaseSlackMs: (options.leaseMs ?? 0) - TIMEOUT_MS,
    ownWorkflows: 0,
    sharedWorkflow: batchWorkflowId(randomUUID().replaceAll('-', '')),
    sharedOffset: 0,
    sharedSize: 500,
  });
  return stored.flatMap((deliveries) => deliveries ?? []);
}

const TIMEOUT_MS = 5_000;

interface DeliveryRow {
  state: string;
  attempts: number;
  claim: string | null;
  last_error: string | null;
  next_attempt_at: Date | null;
  workflow_id: string;
}

async function read(deliveryId: PublicId): Promise<DeliveryRow> {
  const rows = await query<DeliveryRow>(
    'SELECT state, attempts, claim, last_error, next_attempt_at, workflow_id FROM deliveries WHERE id = $1',
    toUuid(deliveryId),
  );
  return only(rows);
}

async function attemptsOf(deliveryId: PublicId): Promise<{ number: number; outcome: string }[]> {
  return query('SELECT number, outcome FROM attempts WHERE delivery_id = $1 ORDER BY id', toUuid(deliveryId));
}

async function deadLettersOf(deliveryId: PublicId): Promise<{ reason: string; state: string }[]> {
  return query('SELECT reason, state FROM dead_letters WHERE delivery_id = $1', toUuid(deliveryId));
}

async function untilState(deliveryId: PublicId, state: string, timeoutMs = 10_000): Promise<DeliveryRow> {
  let last = '';
  return eventually(
    async () => {
      const row = await read(deliveryId);
      last = row.state;
      return row.state === state ? row : undefined;
    },
    timeoutMs,
    () => `${last}, not ${state}`,
  );
}

function only<T>(items: readonly T[]): T {
  const [item] = items;
  if (item === undefined || items.length > 1) throw new Error(`there are ${items.length}, not one`);
  return item;
}

describe('when the accepting process dies before the first attempt', () => {
  const LEASE_MS = 700;

  test('the workflow attempts when the lease runs out, and not before', async () => {
    await endpoint();
    const began = Date.now();
    const delivery = only(await storeOnly({ claim: randomUUID(), leaseMs: LEASE_MS }));
    const cover = { open: [delivery.id], settled: {}, tenantIds: [tenantId], endpointIds: [delivery.endpointId], startDelayMs: 0 };
    await startCover(pipeline.client, { ...cover, workflowId: delivery.workflowId }, pipeline.config.WAYBILL_TASK_QUEUE);
    expect((await untilState(delivery.id, 'delivered')).attempts).toBe(1);
    expect(only(receiver.received).at - began).toBeGreaterThanOrEqual(LEASE_MS - 5);
  });

  test('the sweep finds what has no workflow, once its lease has run out', async () => {
    await endpoint();
    const deliveries = await storeOnly({ claim: randomUUID(), leaseMs: LEASE_MS, count: 3 });
    const { sweepOverdueDeliveries } = createActivities({ ...pipeline, ...pipeline.delivery });
    expect(await sweepOverdueDeliveries(0)).toEqual({ overdue: 0, started: 0, kept: 0 });
    const report = await eventually(async () => {
      const swept = await sweepOverdueDeliveries(0);
      return swept.overdue > 0 ? swept : undefined;
    });
    expect(report).toEqual({ overdue: 3, started: 1, kept: 0 });
    for (const delivery of deliveries) await untilState(delivery.id, 'delivered');
    expect(receiver.received).toHaveLength(3);
  });
});

describe('several engines on one database', () => {
  let others: Delivery[];

  beforeEach(async () => {
    others = await Promise.all([1, 2].map(() => createDelivery(pipeline.config, createMetrics(), pipeline.log)));
  });
  afterEach(async () => {
    for (const other of others) await other.close();
  });

  test('never send a delivery twice at the same time, and once it is delivered not at all', async () => {
    const DELAY_MS = 15;
    const answered = new Map<string, number>();
    // Every second request of a delivery fails, so that each is fought over more than once.
    receiver.always((request) => {
      const times = (answered.get(nameOf(request)) ?? 0) + 1;
      answered.set(nameOf(request), times);
      return { status: times < 3 ? 500 : 200, delayMs: DELAY_MS };
    });
    for (const path of ['/a', '/b', '/c']) await endpoint({ url: receiver.url + path, delaysMs: [1, 1, 1, 1] });
    const deliveries = await storeOnly({ count: 30 });
    const open = new Map(deliveries.map((delivery) => [delivery.id, delivery.endpointId]));
    await Promise.all(
      [pipeline.delivery, ...others].map(async ({ engine }) => {
        for (let rounds = 0; open.size > 0 && rounds < 500; rounds++) {
          await Promise.all(
            [...open].map(async ([id, endpointId]) => {
              const settlement = await engine.attemptDue(id, endpointId, () => true);
              if (settlement?.state === 'delivered') open.delete(id);
            }),
          );
        }
      }),
    );
    expect(open.size).toBe(0);
    expect(overlaps(receiver.received, DELAY_MS)).toEqual([]);
    expect([...answered.values()]).toEqual(deliveries.map(() => 3));
    const rows = await query<{ state: string; attempts: number; made: number }>(
      `SELECT state, attempts, (SELECT count(*)::int FROM attempts a WHERE a.delivery_id = d.id) AS made
       FROM deliveries d WHERE tenant_id = $1`,
      toUuid(tenantId),
    );
    expect(rows).toEqual(deliveries.map(() => ({ state: 'delivered', attempts: 3, made: 3 })));
  });

  test('one that claims a delivery in the middle of another’s attempt gets nothing', async () => {
    const held = await startHeldReceiver();
    await endpoint({ url: held.url });
    const { id, endpointId } = only(await storeOnly());
    const first = pipeline.delivery.engine.attemptDue(id, endpointId, () => true);
    await held.waiting();
    for (const { engine } of others) expect(await engine.attemptDue(id, endpointId, () => true)).toBeUndefined();
    held.answer(200);
    expect(await first).toEqual({ state: 'delivered' });
    expect(held.received).toBe(1);
    await held.close();
  });

  function nameOf(request: ReceivedRequest): string {
    return `${String(request.headers['webhook-id'])} ${request.path}`;
  }

  /** Requests of one delivery that came while an earlier one was surely not answered yet. */
  function overlaps(requests: readonly ReceivedRequest[], delayMs: number): string[] {
    const last = new Map<string, number>();
    return requests.flatMap((request) => {
      const name = nameOf(request);
      const before = last.get(name);
      last.set(name, request.at);
      // Both moments are in whole milliseconds.
      return before !== undefined && request.at - before < delayMs - 1 ? [name] : [];
    });
  }
});

describe('an outcome recorded under a lost lease', () => {
  const outcome = (delivery: StoredDelivery, claim: string, number: number, next: AttemptOutcome['next']): AttemptOutcome => ({
    attemptId: newId('attempt'),
    deliveryId: delivery.id,
    claim,
    number,
    trigger: 'schedule',
    startedAt: new Date(),
    durationMs: 5,
    status: next.state === 'delivered' ? 200 : 500,
    error: next.state === 'delivered' ? undefined : 'http-500',
    errorDetail: undefined,
    responseBody: undefined,
    next,
  });
  const record = async (made: AttemptOutcome) => only(await recordOutcomes(pipeline.database.pool, [made]));

  /** A delivery whose first holder took too long, so that another has it now. */
  async function takenOver() {
    await endpoint();
    const [lost, held] = [randomUUID(), randomUUID()];
    const delivery = only(await storeOnly({ claim: lost, leaseMs: -1_000 }));
    const claimed = only(await claimDue(pipeline.database.pool, [delivery.id], held, 10_000));
    expect(claimed.outcome).toBe('claimed');
    return { delivery, lost, held };
  }

  test.each([
    { state: 'retrying', delayMs: 5 },
    { state: 'dead', reason: 'exhausted' },
  ] as const)('$state: the attempt is kept, the delivery stays with its holder', async (next) => {
    const { delivery, lost, held } = await takenOver();
    const before = await read(delivery.id);
    expect((await record(outcome(delivery, lost, 1, next))).moved).toBe(false);
    expect(await read(delivery.id)).toEqual(before);
    expect(before).toMatchObject({ state: 'pending', claim: held });
    expect(await attemptsOf(delivery.id)).toEqual([{ number: 1, outcome: 'failed' }]);
    expect(await deadLettersOf(delivery.id)).toEqual([]);
    expect((await record(outcome(delivery, held, 1, next))).moved).toBe(true);
    expect((await read(delivery.id)).state).toBe(next.state);
  });

  test('a success is final, and the holder’s failure after it changes nothing', async () => {
    const { delivery, lost, held } = await takenOver();
    expect((await record(outcome(delivery, lost, 1, { state: 'delivered' }))).moved).toBe(true);
    expect(await read(delivery.id)).toMatchObject({ state: 'delivered', claim: null, next_attempt_at: null });
    expect((await record(outcome(delivery, held, 1, { state: 'dead', reason: 'exhausted' }))).moved).toBe(false);
    expect((await read(delivery.id)).state).toBe('delivered');
    expect(await attemptsOf(delivery.id)).toHaveLength(2);
    expect(await deadLettersOf(delivery.id)).toEqual([]);
  });

  test('an outcome that is recorded twice counts once', async () => {
    await endpoint();
    const claim = randomUUID();
    const delivery = only(await storeOnly({ claim, leaseMs: 10_000 }));
    const made = outcome(delivery, claim, 1, { state: 'dead', reason: 'exhausted' });
    expect((await record(made)).moved).toBe(true);
    expect((await record(made)).moved).toBe(false);
    expect(await attemptsOf(delivery.id)).toHaveLength(1);
    expect(await deadLettersOf(delivery.id)).toHaveLength(1);
  });
});

describe('while an attempt is under way', () => {
  let held: HeldReceiver;

  beforeEach(async () => {
    held = await startHeldReceiver();
  });
  afterEach(async () => {
    await held.close();
  });

  async function inFlight(): Promise<PublicId> {
    await endpoint({ url: held.url, delaysMs: [600_000], timeoutMs: 30_000 });
    const deliveryId = await publish();
    await held.waiting();
    return deliveryId;
  }

  test('asking for a retry says so, and sends no second request', async () => {
    const deliveryId = await inFlight();
    expect(await pipeline.commands.retry(tenantId, deliveryId)).toEqual({ outcome: 'in-flight' });
    held.answer(200);
    await pipeline.delivery.engine.drain();
    expect(await read(deliveryId)).toMatchObject({ state: 'delivered', attempts: 1 });
    expect(held.received).toBe(1);
  });

  test('the workflow’s own update makes nothing due either', async () => {
    const deliveryId = await inFlight();
    await pipeline.coverage.flush();
    const { workflow_id: workflowId } = await read(deliveryId);
    const handle = pipeline.client.workflow.getHandle(workflowId);
    expect(await handle.executeUpdate(RETRY_NOW, { args: [[deliveryId]] })).toEqual({ due: 0 });
    held.answer(200);
    await untilState(deliveryId, 'delivered');
    expect(held.received).toBe(1);
  });

  test.each([200, 500])('a cancelled delivery stays so whatever comes back (%i), and the attempt is kept', async (status) => {
    const deliveryId = await inFlight();
    expect(await pipeline.commands.cancel(tenantId, deliveryId)).toMatchObject({ outcome: 'done' });
    expect((await read(deliveryId)).state).toBe('cancelled');
    held.answer(status);
    await pipeline.delivery.engine.drain();
    expect(await attemptsOf(deliveryId)).toEqual([{ number: 1, outcome: status === 200 ? 'succeeded' : 'failed' }]);
    expect(await read(deliveryId)).toMatchObject({ state: 'cancelled', claim: null, next_attempt_at: null });
    expect(await deadLettersOf(deliveryId)).toEqual([]);
    expect(held.received).toBe(1);
  });
});

describe('what became of the endpoint is seen when a due delivery is claimed', () => {
  async function attemptAfter(change: (delivery: StoredDelivery) => Promise<unknown>): Promise<PublicId> {
    await endpoint();
    const delivery = only(await storeOnly());
    await change(delivery);
    expect(await pipeline.delivery.engine.attemptDue(delivery.id, delivery.endpointId, () => true)).toBeUndefined();
    expect(receiver.received).toEqual([]);
    expect(await attemptsOf(delivery.id)).toEqual([]);
    return delivery.id;
  }

  test('deleted: the delivery is cancelled', async () => {
    const id = await attemptAfter((d) => query('UPDATE endpoints SET deleted_at = now() WHERE id = $1', toUuid(d.endpointId)));
    expect(await read(id)).toMatchObject({ state: 'cancelled', claim: null, next_attempt_at: null });
    expect(await deadLettersOf(id)).toEqual([]);
  });

  test('disabled: it becomes a dead letter', async () => {
    const id = await attemptAfter((d) => query("UPDATE endpoints SET state = 'disabled' WHERE id = $1", toUuid(d.endpointId)));
    expect(await read(id)).toMatchObject({ state: 'dead', claim: null, next_attempt_at: null });
    expect(await deadLettersOf(id)).toEqual([{ reason: 'endpoint-disabled', state: 'open' }]);
  });

  test('paused: it is held', async () => {
    const id = await attemptAfter((d) => query("UPDATE endpoints SET state = 'paused' WHERE id = $1", toUuid(d.endpointId)));
    expect(await read(id)).toMatchObject({ state: 'held', claim: null, next_attempt_at: null });
  });

  test('and an expired content makes a dead letter', async () => {
    const id = await attemptAfter((d) =>
      query('UPDATE messages SET body = NULL WHERE id = (SELECT message_id FROM deliveries WHERE id = $1)', toUuid(d.id)),
    );
    expect(await read(id)).toMatchObject({ state: 'dead', claim: null, next_attempt_at: null });
    expect(await deadLettersOf(id)).toEqual([{ reason: 'content-expired', state: 'open' }]);
  });

  test('a deleted endpoint whose content has expired as well: cancelled', async () => {
    const id = await attemptAfter(async (d) => {
      await query('UPDATE messages SET body = NULL WHERE id = (SELECT message_id FROM deliveries WHERE id = $1)', toUuid(d.id));
      await query("UPDATE endpoints SET state = 'disabled', deleted_at = now() WHERE id = $1", toUuid(d.endpointId));
    });
    expect((await read(id)).state).toBe('cancelled');
  });
});

describe('no delivery waits much longer than its schedule says', () => {
  const requests = (path: string) => receiver.received.filter((request) => request.path.endsWith(path)).length;
  const untilRequests = (path: string, count: number) =>
    eventually(
      () => (requests(path) >= count ? true : undefined),
      4_000,
      () => `${requests(path)} of ${count} requests`,
    );

  test('when the first attempt fails after its workflow was started', async () => {
    await endpoint({ delaysMs: [100] });
    receiver.script({ status: 500, delayMs: 500 });
    const deliveryId = await publish();
    await untilRequests('/hook', 2);
    await untilState(deliveryId, 'delivered');
  });

  test('when the workflow that its batch was to share was started while it was being stored', async () => {
    const lingering = await createPipeline({ WAYBILL_COVER_LINGER: '500ms', WAYBILL_COVER_LINGER_MAX: '500ms' });
    await lingering.startWorker();
    const { pool } = lingering.database;
    tenantId = await insertTenant(pool);
    const make = (eventType: string, delaysMs: number[]) =>
      insertEndpoint(pool, lingering.delivery.keyring, tenantId, { url: `${receiver.url}/${eventType}`, patterns: [eventType], delaysMs });
    await make('early', [600_000]);
    await make('late', [100]);
    receiver.always({ status: 500 });
    // So many that most share a workflow, which goes on as long as they wait.
    await Promise.all(Array.from({ length: 60 }, () => publish(lingering, 'early')));
    const blocker = await pool.connect();
    await blocker.query('BEGIN; LOCK TABLE messages IN SHARE MODE');
    const late = publish(lingering, 'late');
    const shared = only((await pool.query("SELECT DISTINCT workflow_id AS id FROM deliveries WHERE workflow_id LIKE '%/batch%'")).rows);
    const handle = lingering.client.workflow.getHandle(shared.id);
    await eventually(() => handle.describe().catch(() => undefined));
    await blocker.query('COMMIT');
    blocker.release();
    const stored = await pool.query('SELECT workflow_id AS id FROM deliveries WHERE id = $1', [toUuid(await late)]);
    expect(stored.rows).toEqual([shared]);
    await untilRequests('/late', 2).finally(async () => {
      await handle.terminate('the test is over');
      await lingering.close();
    });
  });
});

test('a delivery that cannot be signed is not tried again and again without a pause', async () => {
  const { id: endpointId } = await endpoint();
  await query("UPDATE endpoint_secrets SET secret_encrypted = '\\x00' WHERE endpoint_id = $1", toUuid(endpointId));
  const delivery = only(await storeOnly());
  const declined = async () => (await pipeline.metrics.declined.get()).values[0]?.value ?? 0;
  const before = await declined();
  const cover = { open: [delivery.id], settled: {}, tenantIds: [tenantId], endpointIds: [endpointId], startDelayMs: 0 };
  await startCover(pipeline.client, { ...cover, workflowId: delivery.workflowId }, pipeline.config.WAYBILL_TASK_QUEUE);
  await eventually(async () => ((await declined()) > before ? true : undefined));
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const times = (await declined()) - before;
  await query("UPDATE deliveries SET state = 'cancelled' WHERE id = $1", toUuid(delivery.id));
  expect(times).toBeLessThan(20);
});

const cacheLevels: [string, Record<string, string>][] = [
  ['without Redis', { REDIS_URL: '' }],
  ['with a Redis that is away', { REDIS_URL: 'redis://127.0.0.1:1' }],
];
if (process.env.REDIS_URL !== undefined) cacheLevels.push(['with Redis', {}]);

describe.each(cacheLevels)('a change of the endpoint just before an attempt, %s', (name, env) => {
  let changed: Pipeline;
  let moved: TestReceiver;

  beforeAll(async () => {
    changed = await createPipeline(env);
    await changed.startWorker();
  });
  afterAll(async () => {
    await changed.close();
  });
  beforeEach(async () => {
    moved = await startReceiver();
    tenantId = await insertTenant(changed.database.pool);
  });
  afterEach(async () => {
    await moved.close();
  });

  const make = (delaysMs: number[]) =>
    insertEndpoint(changed.database.pool, changed.delivery.keyring, tenantId, { url: receiver.url, delaysMs });

  /** Another address and another secret, as the API does it: in one transaction, with the next version. */
  async function change(endpointId: PublicId): Promise<string> {
    const secret = newSecret();
    const secretId = toUuid(newId('secret'));
    const sealed = changed.delivery.keyring.encrypt(secret, `endpoint_secrets/${secretId}`);
    await changed.database.pool.query({
      text: `WITH old AS (DELETE FROM endpoint_secrets WHERE endpoint_id = $1),
                  made AS (INSERT INTO endpoint_secrets (id, endpoint_id, secret_encrypted) VALUES ($3, $1, $4))
             UPDATE endpoints SET url = $2, version = version + 1 WHERE id = $1`,
      values: [toUuid(endpointId), moved.url, secretId, sealed],
    });
    return secret;
  }

  const verify = (secret: string, request: ReceivedRequest) =>
    new Webhook(secret).verify(request.body, request.headers as Record<string, string>);

  test('a first attempt uses the new address and secret', async () => {
    const { id, secret: old } = await make([]);
    await publish(changed);
    await receiver.waitFor(1);
    const { hits } = changed.delivery.endpoints.statistics;
    await publish(changed);
    await receiver.waitFor(2);
    expect(changed.delivery.endpoints.statistics.hits).toBe(hits + 1);
    const secret = await change(id);
    await publish(changed);
    await moved.waitFor(1);
    verify(secret, only(moved.received));
    expect(() => verify(old, only(moved.received))).toThrow();
    expect(receiver.received).toHaveLength(2);
  });

  test('so does a retry', async () => {
    const { id } = await make([700]);
    receiver.always({ status: 500 });
    await publish(changed);
    await receiver.waitFor(1);
    const secret = await change(id);
    await moved.waitFor(1);
    verify(secret, only(moved.received));
    expect(receiver.received).toHaveLength(1);
  });

  test('a process that has not seen it yet asks for the version it needs', async () => {
    const { id } = await make([]);
    await publish(changed);
    await receiver.waitFor(1);
    const { pool: db, keyring } = changed.delivery;
    const redis = createRedis(changed.config.REDIS_URL, changed.log);
    const other = createEndpointConfigCache({ db, redis, keyring });
    if (name === 'with Redis') {
      await eventually(async () => (await redis?.get(`waybill:endpoint:${id}:1`).catch(() => null)) ?? undefined);
      expect(await other.get(id, 1)).toMatchObject({ version: 1, url: receiver.url });
      expect(other.statistics).toEqual({ hits: 0, redisHits: 1, databaseReads: 0 });
    }
    await change(id);
    expect(await other.get(id, 2)).toMatchObject({ version: 2, url: moved.url });
    expect(await other.get(id, 1)).toMatchObject({ version: 2 });
    expect(other.statistics.databaseReads).toBe(1);
    redis?.disconnect();
  });
});
