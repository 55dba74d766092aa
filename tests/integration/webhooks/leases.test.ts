import { randomUUID } from 'node:crypto';
import { newId, type PublicId, toUuid } from '../../../core/ids';
import { createDeliveryEngine } from '../../../domains/webhooks/delivery/delivery-engine';
import type { AttemptEnd } from '../../../domains/webhooks/delivery/leased-delivery';
import { type Dispatch, openDispatch } from '../../../domains/webhooks/delivery/open-dispatch';
import { startCover } from '../../../domains/webhooks/start';
import { type AttemptOutcome, recordOutcomes } from '../../../domains/webhooks/store/attempt-outcomes';
import { leaseDue } from '../../../domains/webhooks/store/leases';
import type { StoredDelivery } from '../../../domains/webhooks/store/publish';
import { sweep } from '../../../domains/webhooks/upkeep/sweep';
import { createGuardedClient } from '../../../infra/http/guarded-client';
import { deliveryReads, only, storeOnly } from '../../support/deliveries';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { startHeldReceiver } from '../../support/held-receiver';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually, type ReceivedRequest, startReceiver, type TestReceiver } from '../../support/receiver';

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

const NOW = { wanted: () => true, insist: false };
const { query, read, attemptsOf, deadLettersOf, untilState } = deliveryReads(() => pipeline.database.pool);
const store = (options?: Parameters<typeof storeOnly>[2]) => storeOnly(pipeline.database.pool, tenantId, options);
const endpoint = (options: Partial<Parameters<typeof insertEndpoint>[3]> = {}) =>
  insertEndpoint(pipeline.database.pool, pipeline.dispatch.keyring, tenantId, { url: receiver.url, ...options });

describe('when the accepting process dies before the first attempt', () => {
  const LEASE_MS = 700;

  test('the workflow attempts when the lease runs out, and not before', async () => {
    await endpoint();
    const began = Date.now();
    const delivery = only(await store({ lease: randomUUID(), leaseMs: LEASE_MS }));
    const cover = {
      open: [delivery.id],
      ended: {},
      tenantIds: [tenantId],
      endpointIds: [delivery.endpointId],
      startDelayMs: 0,
    };
    await startCover(pipeline, { ...cover, workflowId: delivery.workflowId });
    expect((await untilState(delivery.id, 'delivered')).attempts).toBe(1);
    expect(only(receiver.received).at - began).toBeGreaterThanOrEqual(LEASE_MS - 5);
  });

  test('the sweep finds what has no workflow, once its lease has run out', async () => {
    await endpoint();
    const deliveries = await store({ lease: randomUUID(), leaseMs: LEASE_MS, count: 3 });
    const swept = () => sweep(pipeline.platform, { beat: () => undefined, graceMs: 0 });
    expect(await swept()).toMatchObject({ overdue: 0, started: 0, kept: 0 });
    const report = await eventually(async () => {
      const found = await swept();
      return found.overdue > 0 ? found : undefined;
    });
    expect(report).toMatchObject({ overdue: 3, started: 1, kept: 0 });
    for (const delivery of deliveries) await untilState(delivery.id, 'delivered');
    expect(receiver.received).toHaveLength(3);
  });
});

describe('several engines on one database', () => {
  let others: Dispatch[];

  beforeEach(() => {
    others = [1, 2].map(() => openDispatch(pipeline.openPlatform()));
  });
  afterEach(async () => {
    for (const { engine } of others) await engine.drain();
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
    const deliveries = await store({ count: 30 });
    const open = new Map(deliveries.map((delivery) => [delivery.id, delivery.endpointId]));
    await Promise.all(
      [pipeline.dispatch, ...others].map(async ({ engine }) => {
        for (let rounds = 0; open.size > 0 && rounds < 500; rounds++) {
          await Promise.all(
            [...open].map(async ([id, endpointId]) => {
              const end = await engine.attemptDue({ id, endpointId, tenantId }, NOW);
              if (end?.state === 'delivered') open.delete(id);
            }),
          );
        }
      }),
    );
    // What failed often in a row went to its endpoint's backlog, to which a worker attends.
    await eventually(async () => {
      const left = await query(
        "SELECT FROM deliveries WHERE tenant_id = $1 AND state <> 'delivered'",
        toUuid(tenantId),
      );
      return left.length === 0 ? true : undefined;
    });
    expect(overlaps(receiver.received, DELAY_MS)).toEqual([]);
    expect([...answered.values()]).toEqual(deliveries.map(() => 3));
    const rows = await query<{ state: string; attempts: number; made: number }>(
      `SELECT state, attempts, (SELECT count(*)::int FROM attempts a WHERE a.delivery_id = d.id) AS made
       FROM deliveries d WHERE tenant_id = $1`,
      toUuid(tenantId),
    );
    expect(rows).toEqual(deliveries.map(() => ({ state: 'delivered', attempts: 3, made: 3 })));
  });

  test('one that asks for a delivery in the middle of another’s attempt gets nothing', async () => {
    const held = await startHeldReceiver();
    await endpoint({ url: held.url });
    const { id, endpointId } = only(await store());
    const first = pipeline.dispatch.engine.attemptDue({ id, endpointId, tenantId }, NOW);
    await held.waiting();
    for (const { engine } of others) expect(await engine.attemptDue({ id, endpointId, tenantId }, NOW)).toBeUndefined();
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

describe('what is held in memory is bounded in bytes', () => {
  const BODY = JSON.stringify({ text: 'x'.repeat(300_000) });

  test('of due deliveries only so many are leased as fit, and the first in any case', async () => {
    await endpoint();
    const deliveries = await store({ count: 4 });
    await query('UPDATE messages SET body = $2, body_size = 300000 WHERE tenant_id = $1', toUuid(tenantId), BODY);
    const ids = deliveries.map(({ id }) => id);
    const lease = (maxBytes: number) =>
      leaseDue(pipeline.database.pool, ids, { lease: randomUUID(), leaseSlackMs: 10_000, maxBytes, takeOver: true });
    expect((await lease(1)).leased).toHaveLength(1);
    expect((await lease(400_000)).leased).toHaveLength(2);
    expect((await lease(400_000)).leased).toHaveLength(1);
  });

  test('first attempts that do not fit go to the backlog, from where they are delivered', async () => {
    const held = await startHeldReceiver();
    const { id } = await endpoint({ url: held.url });
    const { platform, dispatch, metrics, log, backlogs } = pipeline;
    const engine = createDeliveryEngine({
      ...dispatch,
      pool: platform.pool,
      client: createGuardedClient({ policy: { allowHttp: true, allowPrivateNetworks: ['127.0.0.0/8'] } }),
      metrics,
      log,
      concurrency: 10,
      concurrencyPerEndpoint: 10,
      maxHeldBytes: 500_000,
      onBacklog: (backlog) => backlogs.tell(backlog),
    });
    const lease = randomUUID();
    const deliveries = await store({ lease, leaseMs: 30_000, count: 3 });
    const ends = deliveries.map(
      (delivery) =>
        new Promise<AttemptEnd>((resolve) => {
          const leased = { ...delivery, deliveryId: delivery.id, tenantId, messageId: newId('msg'), body: BODY, lease };
          const fresh = { attempts: 0, attemptsInRun: 0, createdAtMs: Date.now(), startBeforeMs: Date.now() + 30_000 };
          engine.attemptLeased({ ...leased, ...fresh }, 'accept', resolve);
        }),
    );
    expect(await Promise.all(ends.slice(1))).toMatchObject([{ state: 'moved' }, { state: 'moved' }]);
    expect(await query('SELECT FROM deliveries WHERE endpoint_id = $1 AND backlog', toUuid(id))).toHaveLength(2);
    await eventually(() => {
      held.answer(200);
      return held.received >= 3 ? true : undefined;
    });
    held.answer(200);
    for (const delivery of deliveries) {
      await eventually(async () => {
        held.answer(200);
        return (await read(delivery.id)).state === 'delivered' ? true : undefined;
      });
    }
    await engine.drain();
    await held.close();
  });
});

test('what fails about the same time is due again at few instants, and never before its delay', async () => {
  const DELAY_MS = 5_000;
  await endpoint();
  const lease = randomUUID();
  const deliveries = await store({ lease, leaseMs: 30_000, count: 60 });
  const began = Date.now();
  const due: number[] = [];
  for (const delivery of deliveries) {
    const delayMs = Math.round(DELAY_MS * (0.8 + 0.4 * Math.random()));
    const failed = {
      attemptId: newId('att'),
      deliveryId: delivery.id,
      lease,
      number: 1,
      trigger: 'accept' as const,
      startedAt: new Date(),
      durationMs: 5,
      status: 500,
      error: 'http-500',
      errorDetail: undefined,
      responseBody: undefined,
      next: { state: 'retrying' as const, delayMs },
      toBacklog: false,
    };
    const { nextAttemptAt } = only(await recordOutcomes(pipeline.database.pool, [failed]));
    const atMs = nextAttemptAt?.getTime() ?? 0;
    expect(atMs).toBeGreaterThanOrEqual(began + delayMs - 5);
    expect(atMs).toBeLessThan(Date.now() + delayMs * 1.1 + 5);
    due.push(atMs);
  }
  const spreadMs = Date.now() - began + 0.4 * DELAY_MS;
  expect(new Set(due).size).toBeLessThanOrEqual(Math.ceil(spreadMs / 256) + 2);
});

describe('an outcome recorded under a lost lease', () => {
  const outcome = (
    delivery: StoredDelivery,
    lease: string,
    number: number,
    next: AttemptOutcome['next'],
  ): AttemptOutcome => ({
    attemptId: newId('att'),
    deliveryId: delivery.id,
    lease,
    number,
    trigger: 'schedule',
    startedAt: new Date(),
    durationMs: 5,
    status: next.state === 'delivered' ? 200 : 500,
    error: next.state === 'delivered' ? undefined : 'http-500',
    errorDetail: undefined,
    responseBody: undefined,
    next,
    toBacklog: false,
  });
  const record = async (made: AttemptOutcome) => only(await recordOutcomes(pipeline.database.pool, [made]));

  /** A delivery whose first holder took too long, so that another has it now. */
  async function takenOver() {
    await endpoint();
    const [lost, held] = [randomUUID(), randomUUID()];
    const delivery = only(await store({ lease: lost, leaseMs: -1_000 }));
    const options = { lease: held, leaseSlackMs: 10_000, maxBytes: 1_000_000, takeOver: true };
    expect((await leaseDue(pipeline.database.pool, [delivery.id], options)).leased).toHaveLength(1);
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
    const lease = randomUUID();
    const delivery = only(await store({ lease, leaseMs: 10_000 }));
    const made = outcome(delivery, lease, 1, { state: 'dead', reason: 'exhausted' });
    expect((await record(made)).moved).toBe(true);
    expect((await record(made)).moved).toBe(false);
    expect(await attemptsOf(delivery.id)).toHaveLength(1);
    expect(await deadLettersOf(delivery.id)).toHaveLength(1);
  });
});
