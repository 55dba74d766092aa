import { type PublicId, toUuid } from '../../../core/ids';
import type { BacklogReport } from '../../../domains/webhooks/backlog/serve-backlog';
import { changeEndpoint } from '../../../domains/webhooks/endpoints/change-endpoint';
import { LANES } from '../../../domains/webhooks/rules/lane';
import { backlogWorkflowId, PROGRESS } from '../../../domains/webhooks/rules/workflow-names';
import { deliveryReads } from '../../support/deliveries';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually, type ReceivedRequest, startReceiver, type TestReceiver } from '../../support/receiver';

// Strict order beside what else decides when a delivery goes: its endpoint's rate limit, lanes, and the circuit.
let pipeline: Pipeline;
let receiver: TestReceiver;
let tenantId: PublicId;
let endpointId: PublicId;

beforeAll(async () => {
  pipeline = await createPipeline({ WAYBILL_CIRCUIT_FIRST_PROBE: '300ms', WAYBILL_CIRCUIT_LONGEST_PROBE: '1s' });
  await pipeline.startWorker();
});
afterAll(() => pipeline.close());
beforeEach(async () => {
  receiver = await startReceiver();
  tenantId = await insertTenant(pipeline.database.pool);
});
afterEach(() => receiver.close());

const { query } = deliveryReads(() => pipeline.database.pool);

async function ordered(options: { circuit?: object; delaysMs?: number[]; fallbackUrl?: string } = {}): Promise<void> {
  const { pool } = pipeline.database;
  const common = { url: receiver.url, ordering: 'fifo' as const, delaysMs: [30, 30, 30] };
  endpointId = (await insertEndpoint(pool, pipeline.dispatch.keyring, tenantId, { ...common, ...options })).id;
}

/** Periods may be shorter than the API allows. */
async function limited(limit: number, periodMs: number): Promise<void> {
  const change = 'UPDATE endpoints SET rate_limit = $2, rate_period_ms = $3 WHERE id = $1';
  await query(change, toUuid(endpointId), limit, periodMs);
}

async function publish(n: number, priority?: (typeof LANES)[number]): Promise<void> {
  const message = { tenantId, eventType: 'order.created', data: `{"n":${n}}`, channels: [], priority };
  const { outcome } = await pipeline.publisher.publish(message);
  expect(outcome).toBe('accepted');
}

const numberOf = ({ body }: ReceivedRequest): number => JSON.parse(body).data.n;
const numbersTo = (count: number) => Array.from({ length: count }, (_, n) => n);

const circuit = async () =>
  (await query<{ circuit: string }>('SELECT circuit FROM endpoints WHERE id = $1', toUuid(endpointId)))[0]?.circuit;
const untilCircuit = (state: string) => eventually(async () => ((await circuit()) === state ? true : undefined));

async function untilAllDelivered(count: number): Promise<void> {
  let last: unknown;
  await eventually(
    async () => {
      last = await query(
        'SELECT state, count(*)::int FROM deliveries WHERE endpoint_id = $1 GROUP BY state',
        toUuid(endpointId),
      );
      const [row, ...others] = last as { state: string; count: number }[];
      return others.length === 0 && row?.state === 'delivered' && row.count === count ? true : undefined;
    },
    30_000,
    () => JSON.stringify(last),
  );
}

test('a rate limit delays an ordered endpoint and keeps its order; so do failures beside it', async () => {
  const [limit, periodMs] = [8, 400];
  await ordered();
  await limited(limit, periodMs);
  let seen = 0;
  receiver.always(() => ({ status: ++seen % 7 === 0 ? 500 : 200 }));
  for (const n of numbersTo(30)) await publish(n);
  await untilAllDelivered(30);
  const firsts = [...new Set(receiver.received.map(numberOf))];
  expect(firsts).toEqual(numbersTo(30));
  const times = receiver.received.map(({ at }) => at);
  const within = times.map((from, i) => times.slice(i).filter((at) => at < from + periodMs - 1).length);
  expect(Math.max(...within)).toBeLessThanOrEqual(limit);
  // Far from its limit it would be if it lost a wake-up: those that come by themselves are half a minute apart.
  const periods = (Math.max(...times) - Math.min(...times)) / periodMs;
  expect(times.length / periods).toBeGreaterThan(limit / 8);
});

test('what is urgent does not overtake at an ordered endpoint', async () => {
  await ordered();
  receiver.always({ status: 200, delayMs: 3 });
  for (const n of numbersTo(30)) await publish(n, LANES[(n * 2) % 3]);
  await untilAllDelivered(30);
  expect(receiver.received.map(numberOf)).toEqual(numbersTo(30));
});

test('what an open circuit held goes in order when the endpoint is well again', async () => {
  await ordered({ circuit: { consecutiveFailures: 2 }, delaysMs: [50, 50, 50, 50, 50, 50, 50, 50, 50, 50] });
  receiver.always({ status: 503 });
  for (const n of numbersTo(12)) await publish(n);
  await untilCircuit('open');
  receiver.always({ status: 200 });
  const before = receiver.received.length;
  await untilAllDelivered(12);
  expect(receiver.received.slice(before).map(numberOf)).toEqual(numbersTo(12));
});

test('where the fallback takes over, order goes on there, and at the endpoint again when it is well', async () => {
  const fallback = await startReceiver();
  const taken: number[] = [];
  const takes = (request: ReceivedRequest) => {
    taken.push(numberOf(request));
    return { status: 200 };
  };
  fallback.always(takes);
  receiver.always({ status: 503 });
  await ordered({ circuit: { consecutiveFailures: 2 }, delaysMs: Array(10).fill(50), fallbackUrl: fallback.url });
  let published = 0;
  while (published < 12) await publish(published++);
  await untilAllDelivered(12);
  expect(fallback.received).toHaveLength(12);
  receiver.always(takes);
  await eventually(async () => {
    await publish(published++);
    return (await circuit()) === 'closed' ? true : undefined;
  });
  await publish(published++);
  await untilAllDelivered(published);
  expect(taken).toEqual(numbersTo(published));
  await fallback.close();
});

test('a publish at a used-up limit leases nothing; what waits goes in order with another limit, and with none', async () => {
  await ordered();
  await limited(2, 3_600_000);
  for (const n of numbersTo(4)) await publish(n);
  const workflow = pipeline.client.workflow.getHandle(backlogWorkflowId(endpointId));
  await eventually(async () => {
    const report = await workflow.query<BacklogReport | null>(PROGRESS).catch(() => undefined);
    return report?.rateLimited === true ? true : undefined;
  });
  const asked = jest.spyOn(pipeline.platform.pool, 'query');
  for (let n = 4; n < 12; n++) await publish(n);
  const names = asked.mock.calls.map(([statement]) => (statement as unknown as { name?: string }).name);
  asked.mockRestore();
  expect(names).toContain('store-messages');
  expect(names.filter((name) => name?.startsWith('lease-'))).toEqual([]);
  await changeEndpoint(pipeline.platform, tenantId, endpointId, { rateLimit: { limit: 5, period: 3_600_000 } });
  await receiver.waitFor(5);
  await changeEndpoint(pipeline.platform, tenantId, endpointId, { rateLimit: null });
  await untilAllDelivered(12);
  expect(receiver.received.map(numberOf)).toEqual(numbersTo(12));
});
