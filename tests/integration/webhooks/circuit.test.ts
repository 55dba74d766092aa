import { type PublicId, toUuid } from '../../../core/ids';
import { showCircuit } from '../../../domains/webhooks/circuit/circuit-commands';
import { openDispatch } from '../../../domains/webhooks/delivery/open-dispatch';
import { openPublishing } from '../../../domains/webhooks/publishing/open-publishing';
import { deliveryReads } from '../../support/deliveries';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually, startReceiver, type TestReceiver } from '../../support/receiver';

let pipeline: Pipeline;
let receiver: TestReceiver;
let tenantId: PublicId;

beforeAll(async () => {
  pipeline = await createPipeline({
    WAYBILL_CIRCUIT_FIRST_PROBE: '300ms',
    WAYBILL_CIRCUIT_LONGEST_PROBE: '1s',
    WAYBILL_SWEEP_GRACE: '300ms',
  });
  await pipeline.startWorker();
});
afterAll(() => pipeline.close());
beforeEach(async () => {
  receiver = await startReceiver();
  tenantId = await insertTenant(pipeline.database.pool);
});
afterEach(() => receiver.close());

const { query } = deliveryReads(() => pipeline.database.pool);
const CIRCUIT = { consecutiveFailures: 3, drainPerSecond: 100 };

const endpoint = async (options: Partial<Parameters<typeof insertEndpoint>[3]> = {}) => {
  const { pool, keyring } = pipeline.dispatch;
  const made = { url: receiver.url, circuit: CIRCUIT, delaysMs: [60_000], ...options };
  return (await insertEndpoint(pool, keyring, tenantId, made)).id;
};

async function publish(count: number, publisher = pipeline.publisher): Promise<void> {
  for (let n = 0; n < count; n++) {
    const result = await publisher.publish({ tenantId, eventType: 'order.created', data: `{"n":${n}}`, channels: [] });
    if (result.outcome !== 'accepted') throw new Error('not accepted');
  }
}

const show = (id: PublicId) => showCircuit(pipeline.platform, tenantId, id);
const untilCircuit = (id: PublicId, state: string) =>
  eventually(
    async () => ((await show(id)).state === state ? true : undefined),
    15_000,
    () => `not ${state}`,
  );

const states = async (id: PublicId): Promise<Record<string, number>> => {
  const rows = await query<{ state: string; count: number }>(
    'SELECT state, count(*)::int AS count FROM deliveries WHERE endpoint_id = $1 GROUP BY state',
    toUuid(id),
  );
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
};

test('opens for all processes at once, holds what is published, probes one at a time, and drains oldest first', async () => {
  const other = pipeline.openPlatform();
  const { publisher } = other.once(openPublishing);
  const id = await endpoint();
  receiver.always({ status: 500 });
  await publish(3);
  await untilCircuit(id, 'open');
  await publish(20, publisher);
  await publish(20);
  expect(await states(id)).toMatchObject({ held: 40 });
  expect(openDispatch(other).engine.waiting + openDispatch(other).engine.running).toBe(0);
  const before = receiver.received.length;
  await receiver.waitFor(before + 2);
  const times = receiver.received.slice(3).map(({ at }) => at);
  for (const [n, at] of times.slice(1).entries()) expect(at - (times[n] ?? 0)).toBeGreaterThan(250);

  receiver.received.splice(0);
  receiver.always({ status: 200 });
  await untilCircuit(id, 'closed');
  await eventually(async () => ((await states(id)).delivered === 40 ? true : undefined), 10_000);
  const numbers = receiver.received.map(({ headers }) => String(headers['webhook-id']));
  // The first was the probe; the others follow in the order in which they were published, but for what is under way at once.
  const drained = numbers.slice(1);
  expect(drained.length).toBeGreaterThanOrEqual(39);
  const place = new Map([...drained].sort().map((messageId, n) => [messageId, n]));
  for (const [n, messageId] of drained.entries()) expect(Math.abs((place.get(messageId) ?? 0) - n)).toBeLessThan(12);
}, 40_000);
