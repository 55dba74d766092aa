import { randomUUID } from 'node:crypto';
import { newId, type PublicId, toUuid } from '../../../core/ids';
import { serveBacklog } from '../../../domains/webhooks/backlog/serve-backlog';
import { discardDeadLetter } from '../../../domains/webhooks/commands/discard-dead-letter';
import { changeEndpoint } from '../../../domains/webhooks/endpoints/change-endpoint';
import { moveEndpoint } from '../../../domains/webhooks/endpoints/move-endpoint';
import { openPublishing } from '../../../domains/webhooks/publishing/open-publishing';
import { startReplay } from '../../../domains/webhooks/replay/start-replay';
import type { HeadOfLine } from '../../../domains/webhooks/rules/ordering';
import { deliveryReads, only } from '../../support/deliveries';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually, type ReceivedRequest, startReceiver, type TestReceiver } from '../../support/receiver';

let pipeline: Pipeline;
let worker: { stop(): Promise<void> };
let receiver: TestReceiver;
let tenantId: PublicId;
let endpointId: PublicId;

beforeAll(async () => {
  pipeline = await createPipeline();
  worker = await pipeline.startWorker();
});
afterAll(() => pipeline.close());
beforeEach(async () => {
  receiver = await startReceiver();
  tenantId = await insertTenant(pipeline.database.pool);
});
afterEach(() => receiver.close());

const { query, read, untilState } = deliveryReads(() => pipeline.database.pool);

async function endpoint(headOfLine: HeadOfLine = { policy: 'block' }, delaysMs = [30, 30, 30, 30, 30, 30, 30, 30]) {
  const { pool } = pipeline.database;
  const options = { url: receiver.url, ordering: 'fifo' as const, headOfLine, delaysMs };
  endpointId = (await insertEndpoint(pool, pipeline.dispatch.keyring, tenantId, options)).id;
}

async function publish(n: number, { publisher }: Pick<Pipeline, 'publisher'> = pipeline): Promise<PublicId> {
  const made = await publisher.publish({ tenantId, eventType: 'order.created', data: `{"n":${n}}`, channels: [] });
  if (made.outcome !== 'accepted') throw new Error('not accepted');
  return only(made.deliveries).id;
}

/** How long the receiver takes: so a second attempt beside the first would be seen. */
const ANSWER_MS = 5;

const numberOf = ({ body }: ReceivedRequest): number => JSON.parse(body).data.n;
const numbers = () => receiver.received.map(numberOf);

/** A figure of the metrics page. */
async function gauge(name: string): Promise<number> {
  const page = await pipeline.platform.metrics.registry.metrics();
  const line = page.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

/** Until all of the endpoint's deliveries are delivered. */
function untilAllDelivered(count: number): Promise<true> {
  return eventually(async () => {
    const [row] = await query<{ delivered: number }>(
      "SELECT count(*)::int AS delivered FROM deliveries WHERE endpoint_id = $1 AND state = 'delivered'",
      toUuid(endpointId),
    );
    return row?.delivered === count ? true : undefined;
  });
}

test('whatever fails, messages of several publishers arrive in the order of their commits, one at a time', async () => {
  await endpoint();
  const elsewhere = openPublishing(pipeline.openPlatform());
  const taken: string[] = [];
  let underWay = 0;
  let together = 0;
  let seen = 0;
  receiver.always((request) => {
    together = Math.max(together, ++underWay);
    setTimeout(() => underWay--, ANSWER_MS - 1);
    // Every third attempt fails, in one of three ways.
    if (++seen % 3 === 0) return { status: [500, 0, 429][(seen / 3) % 3] ?? 500, delayMs: ANSWER_MS };
    taken.push(String(request.headers['webhook-id']));
    return { status: 200, delayMs: ANSWER_MS };
  });
  const publishers = [pipeline, elsewhere].flatMap((by) => [by, by]);
  await Promise.all(
    publishers.map(async (by, publisher) => {
      for (let n = 0; n < 25; n++) await publish(publisher * 1_000 + n, by);
    }),
  );
  await untilAllDelivered(100);
  const committed = await query<{ id: string }>(
    `SELECT 'msg_' || replace(message_id::text, '-', '') AS id FROM deliveries WHERE endpoint_id = $1 ORDER BY sequence`,
    toUuid(endpointId),
  );
  expect(taken).toEqual(committed.map(({ id }) => id));
  expect(together).toBe(1);
});

test('block: those behind a dead letter wait until it is retried or discarded', async () => {
  await endpoint({ policy: 'block' }, []);
  receiver.script({ status: 500 }, { status: 500 });
  const first = await publish(1);
  const second = await publish(2);
  await untilState(first, 'dead');
  expect(await read(second)).toMatchObject({ state: 'pending', attempts: 0, next_attempt_at: null });
  expect(await pipeline.commands.retry(tenantId, second)).toMatchObject({ outcome: 'waits-for-turn' });
  const letter = async () =>
    only(
      await query<{ id: string }>(
        "SELECT 'dl_' || replace(id::text, '-', '') AS id FROM dead_letters WHERE delivery_id = $1 AND state = 'open'",
        toUuid(first),
      ),
    );
  await pipeline.commands.retryDeadLetter(tenantId, (await letter()).id as PublicId);
  await eventually(async () => ((await read(first)).attempts === 2 ? true : undefined));
  await untilState(first, 'dead');
  expect((await read(second)).attempts).toBe(0);
  await query(
    "UPDATE attempts SET started_at = started_at - interval '1 hour' WHERE delivery_id = $1 AND number = 1",
    toUuid(first),
  );
  expect(await gauge('webhook_blocked_lines{state="dead"}')).toBe(1);
  const blockedSeconds = await gauge('webhook_oldest_blocked_seconds{state="dead"}');
  expect(Math.floor(blockedSeconds / 600)).toBe(6);
  const by = { tenantId, keyId: tenantId, effectId: '', fence: async () => undefined };
  await discardDeadLetter(pipeline.platform, by as never, { id: (await letter()).id as PublicId, reason: 'a test' });
  await untilState(second, 'delivered');
  expect(numbers()).toEqual([1, 1, 2]);
  expect(await gauge('webhook_blocked_lines{state="dead"}')).toBe(0);
});

test('block: the line moves at once when its dead letters are discarded by filter', async () => {
  await endpoint({ policy: 'block' }, []);
  receiver.script({ status: 500 });
  const first = await publish(1);
  const second = await publish(2);
  await untilState(first, 'dead');
  const by = { tenantId, keyId: newId('key'), effectId: randomUUID(), fence: async () => undefined };
  const filter = { states: ['dead' as const], eventTypes: [] };
  const wish = {
    action: 'discard',
    source: 'dead-letters',
    endpointId,
    filter,
    rateLimit: undefined,
    reason: 'x',
  } as const;
  await startReplay(pipeline.platform, by, wish);
  await untilState(second, 'delivered');
  expect(numbers()).toEqual([1, 2]);
});

test('skip-after: those behind go after so many failures, and the head is retried out of order', async () => {
  await endpoint({ policy: 'skip-after', attempts: 2 }, [30, 300]);
  receiver.script({ status: 500 }, { status: 500 });
  await publish(1);
  await publish(2);
  await publish(3);
  await untilAllDelivered(3);
  expect(numbers()).toEqual([1, 1, 2, 3, 1]);
});

test('dead-letter-after: the head becomes a dead letter after so many failures, and those behind go', async () => {
  await endpoint({ policy: 'dead-letter-after', attempts: 2 });
  receiver.script({ status: 500 }, { status: 500 });
  const first = await publish(1);
  await publish(2);
  await untilAllDelivered(1);
  expect((await read(first)).state).toBe('dead');
  expect(numbers()).toEqual([1, 1, 2]);
});

test('a head waits as long as its receiver asks it to, and those behind with it', async () => {
  await endpoint();
  receiver.script({ status: 503, headers: { 'retry-after': '1' } });
  for (const n of [1, 2, 3]) await publish(n);
  await untilAllDelivered(3);
  expect(numbers()).toEqual([1, 1, 2, 3]);
  const [first, second] = receiver.received.map(({ at }) => at);
  expect((second ?? 0) - (first ?? 0)).toBeGreaterThan(950);
});

test('what waits already when the endpoint becomes ordered has no place, and is waited for by nobody', async () => {
  await endpoint({ policy: 'block' }, [500]);
  await query("UPDATE endpoints SET ordering = 'none' WHERE id = $1", toUuid(endpointId));
  receiver.always({ status: 500 });
  for (const n of [1, 2, 3]) await untilState(await publish(n), 'retrying');
  receiver.always({ status: 200 });
  await changeEndpoint(pipeline.platform, tenantId, endpointId, { ordering: 'fifo' });
  for (const n of [4, 5, 6, 7]) await publish(n);
  await untilAllDelivered(7);
  const delivered = numbers().slice(3);
  expect(delivered.filter((n) => n > 3)).toEqual([4, 5, 6, 7]);
  expect([...delivered].sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test('what is published while the endpoint is paused or disabled goes in order when it is enabled', async () => {
  await endpoint();
  const move = (state: 'enabled' | 'paused' | 'disabled') =>
    moveEndpoint(pipeline.platform, tenantId, endpointId, { state });
  await move('paused');
  for (const n of [1, 2, 3, 4, 5]) await publish(n);
  await move('disabled');
  await move('enabled');
  await untilAllDelivered(5);
  expect(numbers()).toEqual([1, 2, 3, 4, 5]);
});

test('what waits for its turn goes at once when the endpoint is ordered no more', async () => {
  await endpoint({ policy: 'block' }, []);
  receiver.script({ status: 500 });
  const first = await publish(1);
  await untilState(first, 'dead');
  const behind = [await publish(2), await publish(3)];
  await changeEndpoint(pipeline.platform, tenantId, endpointId, { ordering: 'none' });
  for (const id of behind) await untilState(id, 'delivered');
});

test('and the first round after that attempts side by side what it lets go', async () => {
  // So that nobody else has a round.
  await worker.stop();
  await endpoint({ policy: 'block' }, []);
  receiver.script({ status: 500 });
  const first = await publish(1);
  await untilState(first, 'dead');
  await publish(2);
  await publish(3);
  await query("UPDATE endpoints SET ordering = 'none' WHERE id = $1", toUuid(endpointId));
  const { dispatch, metrics, config } = pipeline;
  const leaseBacklog = jest.spyOn(dispatch.engine, 'leaseBacklog');
  const deps = { ...dispatch, db: dispatch.pool, metrics, config, beat: () => undefined };
  const report = await serveBacklog(deps, { endpointId, insist: true });
  expect(report).toMatchObject({ attempts: 2, delivered: 2, open: 0 });
  expect(leaseBacklog.mock.calls[0]).toEqual([endpointId, 2]);
  leaseBacklog.mockRestore();
});
