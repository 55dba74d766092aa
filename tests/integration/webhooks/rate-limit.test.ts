import { randomUUID } from 'node:crypto';
import { newId, type PublicId, toUuid } from '../../../core/ids';
import type { BacklogReport } from '../../../domains/webhooks/backlog/serve-backlog';
import { changeEndpoint } from '../../../domains/webhooks/endpoints/change-endpoint';
import { testEndpoint } from '../../../domains/webhooks/endpoints/test-endpoint';
import { beginLimitedRound } from '../../../domains/webhooks/limits/begin-limited-round';
import { createRateLimits } from '../../../domains/webhooks/limits/rate-limits';
import { openPublishing } from '../../../domains/webhooks/publishing/open-publishing';
import { backlogWorkflowId, MORE, PROGRESS } from '../../../domains/webhooks/rules/workflow-names';
import { findDelivery } from '../../../domains/webhooks/store/delivery-reads';
import { measureBacklog } from '../../../domains/webhooks/store/overdue';
import {
  countRateLimited,
  forgetPermits,
  giveBackPermits,
  takePermits,
} from '../../../domains/webhooks/store/rate-limits';
import { sweep } from '../../../domains/webhooks/upkeep/sweep';
import { startApiProcess } from '../../support/api-process';
import { ADMIN_KEY } from '../../support/api-support';
import { deliveryReads } from '../../support/deliveries';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually, type ReceivedRequest, startReceiver, type TestReceiver } from '../../support/receiver';

let pipeline: Pipeline;
let receiver: TestReceiver;
let tenantId: PublicId;

beforeAll(async () => {
  pipeline = await createPipeline();
  await pipeline.startWorker();
});
afterAll(() => pipeline.close());
beforeEach(async () => {
  receiver = await startReceiver();
  tenantId = await insertTenant(pipeline.database.pool);
});
afterEach(() => receiver.close());

const { query } = deliveryReads(() => pipeline.database.pool);

/** An endpoint with a limit, and with periods shorter than the API allows. */
async function limited(limit: number, periodMs: number, options: { delaysMs?: number[] } = {}): Promise<PublicId> {
  const { pool, keyring } = pipeline.dispatch;
  const { id } = await insertEndpoint(pool, keyring, tenantId, { url: receiver.url, ...options });
  await query('UPDATE endpoints SET rate_limit = $2, rate_period_ms = $3 WHERE id = $1', toUuid(id), limit, periodMs);
  return id;
}

async function publish(n: number, publisher = pipeline.publisher): Promise<void> {
  const data = JSON.stringify({ n });
  const result = await publisher.publish({ tenantId, eventType: 'order.created', data, channels: [] });
  if (result.outcome !== 'accepted') throw new Error('not accepted');
}

const all = (count: number, work: (n: number) => Promise<unknown>) =>
  Promise.all(Array.from({ length: count }, (_, n) => work(n)));

/** The most requests that came within any period. */
function mostWithin(requests: readonly ReceivedRequest[], periodMs: number): number {
  const times = requests.map(({ at }) => at).sort((a, b) => a - b);
  // Times are whole milliseconds, rounded down.
  return Math.max(...times.map((from, i) => times.slice(i).filter((at) => at < from + periodMs - 1).length));
}

/** An attempt is recorded a moment after the receiver has answered. */
function untilDelivered(id: PublicId, count: number): Promise<true> {
  return eventually(async () => ((await deliveredOf(id)) === count ? true : undefined));
}

async function deliveredOf(id: PublicId): Promise<number | undefined> {
  const [row] = await query<{ delivered: number }>(
    "SELECT count(*)::int AS delivered FROM deliveries WHERE endpoint_id = $1 AND state = 'delivered'",
    toUuid(id),
  );
  return row?.delivered;
}

const numbers = () => receiver.received.map(({ body }) => JSON.parse(body).data.n as number);

test('in no period more reach the receiver than the limit, from however many processes; all come, oldest first', async () => {
  const id = await limited(20, 500);
  const others = [0, 1, 2].map(() => pipeline.openPlatform().once(openPublishing).publisher);
  const publishers = [pipeline.publisher, ...others];
  await all(60, (n) => publish(n, publishers[n % 4]));
  await untilDelivered(id, 60);
  expect(receiver.received).toHaveLength(60);
  expect(mostWithin(receiver.received, 500)).toBeLessThanOrEqual(20);
  expect(new Set(numbers()).size).toBe(60);
  // Those of one batch are sent side by side.
  for (const [place, n] of numbers().entries()) expect(Math.abs(n - place)).toBeLessThan(60);
  const attempts = await query(
    'SELECT FROM attempts a JOIN deliveries d ON d.id = a.delivery_id WHERE d.endpoint_id = $1',
    toUuid(id),
  );
  expect(attempts).toHaveLength(60);
});

test('nor when a process is killed in the middle whose clock is an hour ahead; nothing is lost', async () => {
  const [most, periodMs, hourMs] = [20, 1_000, 3_600_000];
  const id = await limited(most, periodMs);
  const { database, config } = pipeline;
  const url = new URL(database.url);
  url.searchParams.set('application_name', 'victim');
  const victim = await startApiProcess(
    { DATABASE_URL: url.href, WAYBILL_TASK_QUEUE: config.WAYBILL_TASK_QUEUE, WAYBILL_LOG_LEVEL: 'info' },
    hourMs,
  );
  try {
    const authorization = `Bearer ${ADMIN_KEY}`;
    const post = async (path: string, body: object, more: Record<string, string> = {}) => {
      const headers = {
        authorization,
        'content-type': 'application/json',
        'idempotency-key': randomUUID(),
        ...more,
      };
      const answer = await fetch(`${victim.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(`${path} answered ${await answer.text()}`);
      return answer.json() as Promise<{ key: string }>;
    };
    const { key } = await post('/v1/api-keys', { name: 'test', scopes: ['*'], tenantId });
    await all(50, (n) =>
      n % 2 === 0
        ? publish(n)
        : post('/v1/messages', { eventType: 'order.created', payload: { n } }, { authorization: `Bearer ${key}` }),
    );
    await receiver.waitFor(most / 2);
  } finally {
    await victim.kill();
  }
  // What Postgres was doing for it is done before anybody looks.
  await eventually(async () => {
    const victims = await query("SELECT FROM pg_stat_activity WHERE application_name = 'victim'");
    return victims.length === 0 ? true : undefined;
  });
  // What it had leased is due, as if its leases had run out.
  await query(
    `UPDATE deliveries SET next_attempt_at = now() - interval '1 second'
     WHERE endpoint_id = $1 AND claim IS NOT NULL AND state IN ('pending', 'retrying')`,
    toUuid(id),
  );
  // Some are to be tried a moment later, and only the sweep knows of them: their workflows were never started.
  let left: object[] = [];
  await eventually(
    async () => {
      await sweep(pipeline.platform, { beat: () => undefined, graceMs: 500 });
      left = await query(
        "SELECT state, backlog, claim, attempts, next_attempt_at FROM deliveries WHERE endpoint_id = $1 AND state <> 'delivered'",
        toUuid(id),
      );
      return left.length === 0 ? true : undefined;
    },
    undefined,
    () => JSON.stringify(left),
  );
  expect(new Set(numbers()).size).toBe(50);
  expect(mostWithin(receiver.received, periodMs)).toBeLessThanOrEqual(most);
  const [row] = await query<{ ahead: number }>(
    `SELECT count(*)::int AS ahead FROM messages WHERE tenant_id = $1 AND created_at > now() + interval '30 minutes'`,
    toUuid(tenantId),
  );
  expect(row?.ahead).toBe(25);
});

test('what waits for long costs nothing meanwhile, and goes on at once with another limit or none', async () => {
  const id = await limited(2, 3_600_000);
  await all(30, publish);
  await receiver.waitFor(2);
  const workflow = pipeline.client.workflow.getHandle(backlogWorkflowId(id));
  const rounds = async () => {
    const { events } = await workflow.fetchHistory();
    return events?.filter((event) => event.activityTaskScheduledEventAttributes != null).length;
  };
  await eventually(async () => {
    const { backlog_until: until } = (await endpointRow(id)) ?? {};
    return until != null && until.getTime() > Date.now() + 3_000_000 ? true : undefined;
  });
  await eventually(async () =>
    (await workflow.query<BacklogReport | null>(PROGRESS))?.rateLimited === true ? true : undefined,
  );
  const before = await rounds();
  await all(20, (n) => publish(30 + n));
  // Told of more, it sleeps on. What it does with the signal is in its history when it answers the query.
  await workflow.signal(MORE);
  await workflow.query(PROGRESS);
  expect(await rounds()).toBe(before);
  expect(receiver.received).toHaveLength(2);

  await changeEndpoint(pipeline.platform, tenantId, id, { rateLimit: { limit: 5, period: 3_600_000 } });
  await receiver.waitFor(5);
  await changeEndpoint(pipeline.platform, tenantId, id, { rateLimit: null });
  await receiver.waitFor(50);
  expect(new Set(numbers()).size).toBe(50);
});

test('retries count, by schedule and by hand, and test events; what waits is no failure, and says until when', async () => {
  const id = await limited(2, 3_600_000, { delaysMs: [20, 20, 20] });
  const { pool } = pipeline.platform;
  receiver.always({ status: 500 });
  await publish(0);
  const waiting = () =>
    query<{ id: string }>(
      "SELECT replace(id::text, '-', '') AS id FROM deliveries WHERE endpoint_id = $1 AND backlog AND claim IS NULL AND next_attempt_at <= now()",
      toUuid(id),
    );
  const [one] = await eventually(async () => {
    const rows = await waiting();
    return rows.length === 1 && receiver.received.length === 2 ? rows : undefined;
  });
  const deliveryId: PublicId = `dlv_${one?.id}`;
  expect(await pipeline.commands.retry(tenantId, deliveryId)).toMatchObject({ outcome: 'done' });
  const { publisher } = pipeline;
  await testEndpoint({ pool, publisher }, { tenantId, effectId: newId('msg') }, { endpointId: id, data: '{}' });
  await eventually(async () => ((await waiting()).length === 2 ? true : undefined));
  expect(receiver.received).toHaveLength(2);
  const delivery = await findDelivery(pool, tenantId, deliveryId);
  expect(delivery).toMatchObject({ state: 'retrying', attempts: 2, lastStatus: 500 });
  expect(delivery?.limitedUntil?.getTime()).toBeGreaterThan(Date.now() + 3_000_000);
  expect(await countRateLimited(pool)).toBe(2);
  expect((await measureBacklog(pool)).due).toBe(0);
});

test('a permit is free a period after the request, or after the time that it may take when its process died', async () => {
  const { pool } = pipeline.platform;
  const id = await limited(3, 60_000);
  const take = async (wanted: number) => {
    const taken = (await takePermits(pool, new Map([[id, wanted]]))).get(id);
    return taken?.limited === true ? taken : { permits: [], waitMs: Number.NaN };
  };
  const first = await take(2);
  expect(first).toMatchObject({ waitMs: 0 });
  expect((await take(9)).permits).toHaveLength(1);
  const refused = await take(1);
  expect(refused.permits).toEqual([]);
  expect(refused.waitMs).toBeGreaterThan(55_000);
  await giveBackPermits(pool, id, first.permits.slice(0, 1));
  expect((await take(9)).permits).toHaveLength(1);
  // Nobody has said that these requests arrived.
  await query(
    "UPDATE rate_permits SET arrived_by = arrived_by - interval '62 seconds' WHERE endpoint_id = $1",
    toUuid(id),
  );
  expect((await take(9)).permits).toEqual([]);
  await query(
    "UPDATE rate_permits SET arrived_by = arrived_by - interval '1 seconds' WHERE endpoint_id = $1",
    toUuid(id),
  );
  expect((await take(9)).permits).toHaveLength(3);
  await query('UPDATE endpoints SET rate_limit = NULL WHERE id = $1', toUuid(id));
  expect(await forgetPermits(pool, undefined, 1_000)).toContain(id);
  expect(await query('SELECT FROM rate_permits WHERE endpoint_id = $1', toUuid(id))).toEqual([]);
});

test('what a process knows of a limit ends when it gives way, with another version of the endpoint, and with the limit', async () => {
  const { pool } = pipeline.platform;
  const id = await limited(1, 3_600_000);
  const rates = createRateLimits({ db: pool, log: pipeline.log });
  const ask = (version: number, limited = true) => rates.takeOne({ id, version, limited });
  const known = (version: number) => ({
    waits: rates.waitMs({ id, version }) > 3_000_000,
    limited: rates.mayLimit(id),
    explainsBounce: beginLimitedRound(rates, id, version).bounced(),
  });
  const limit = (most: number | null) => query('UPDATE endpoints SET rate_limit = $2 WHERE id = $1', toUuid(id), most);

  expect(await ask(1)).toHaveProperty('id');
  expect(known(1)).toEqual({ waits: false, limited: true, explainsBounce: false });
  expect(await ask(1)).toBeUndefined();
  expect(known(1)).toEqual({ waits: true, limited: true, explainsBounce: true });
  // A newer version may have another limit, and does.
  expect(known(2)).toEqual({ waits: false, limited: true, explainsBounce: false });
  await limit(2);
  expect(await ask(1)).toBeUndefined();
  expect(await ask(2)).toHaveProperty('id');
  expect(known(1)).toEqual({ waits: false, limited: true, explainsBounce: false });
  expect(await ask(2)).toBeUndefined();
  expect(known(1)).toMatchObject({ waits: true });
  await limit(null);
  expect(await ask(3, false)).toBe('free');
  expect(known(2)).toEqual({ waits: false, limited: false, explainsBounce: false });
});

test('an endpoint without a limit asks for nothing', async () => {
  const { pool, keyring } = pipeline.dispatch;
  await insertEndpoint(pool, keyring, tenantId, { url: receiver.url });
  const asked = jest.spyOn(pool, 'query');
  await all(10, publish);
  await receiver.waitFor(10);
  const names = asked.mock.calls.map(([statement]) => (statement as unknown as { name?: string }).name);
  asked.mockRestore();
  expect(names).toContain('store-messages');
  expect(names).not.toContain('take-permits');
});

async function endpointRow(id: PublicId) {
  const rows = await query<{ backlog_until: Date | null }>(
    'SELECT backlog_until FROM endpoints WHERE id = $1',
    toUuid(id),
  );
  return rows[0];
}
