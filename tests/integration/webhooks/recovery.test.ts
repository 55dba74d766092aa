import { isDeepStrictEqual } from 'node:util';
import { type PublicId, toUuid } from '../../../core/ids';
import { showCircuit } from '../../../domains/webhooks/circuit/circuit-commands';
import { recoveryWorkflowId } from '../../../domains/webhooks/rules/workflow-names';
import { findDeadLetter } from '../../../domains/webhooks/store/dead-letter-reads';
import { sweep } from '../../../domains/webhooks/upkeep/sweep';
import { deliveryReads } from '../../support/deliveries';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually, startReceiver, type TestReceiver } from '../../support/receiver';

// Dead letters of endpoints whose circuit never opens. What an open one does is in circuit.test.ts.
let pipeline: Pipeline;
let receiver: TestReceiver;
let tenantId: PublicId;
let id: PublicId;

beforeAll(async () => {
  pipeline = await createPipeline();
  await pipeline.startWorker();
});
afterAll(() => pipeline.close());
beforeEach(async () => {
  receiver = await startReceiver();
  tenantId = await insertTenant(pipeline.database.pool);
  id = await endpoint(receiver.url, ['order.*']);
});
afterEach(async () => {
  await receiver.close();
  await query("UPDATE endpoints SET state = 'paused' WHERE tenant_id = $1", toUuid(tenantId));
});

const { query } = deliveryReads(() => pipeline.database.pool);

async function endpoint(url: string, patterns: string[], circuit: object = {}): Promise<PublicId> {
  const { pool, keyring } = pipeline.dispatch;
  return (await insertEndpoint(pool, keyring, tenantId, { url, patterns, circuit, delaysMs: [] })).id;
}

/** Publishes a message and waits until it is in this state. */
async function publish(state: 'delivered' | 'dead', n = 0): Promise<void> {
  const result = await pipeline.publisher.publish({
    tenantId,
    eventType: 'order.created',
    data: `{"n":${n}}`,
    channels: [],
  });
  if (result.outcome !== 'accepted') throw new Error('not accepted');
  const [delivery] = result.deliveries.filter(({ endpointId }) => endpointId === id);
  await eventually(async () => {
    const [row] = await query<{ state: string }>(
      'SELECT state FROM deliveries WHERE id = $1',
      toUuid(delivery?.id ?? id),
    );
    return row?.state === state ? true : undefined;
  });
}

const sweepNow = async (platform = pipeline.platform) => (await sweep(platform, { beat: () => undefined })).recovering;
const state = async () => (await showCircuit(pipeline.platform, tenantId, id)).state;

/** Deliveries and dead letters of the endpoint, by their states. */
async function counts(): Promise<Record<string, number>> {
  const rows = await query<{ state: string; count: number }>(
    `SELECT state, count(*)::int AS count FROM deliveries WHERE endpoint_id = $1 GROUP BY state
     UNION ALL SELECT 'letter ' || state, count(*)::int FROM dead_letters WHERE endpoint_id = $1 GROUP BY state`,
    toUuid(id),
  );
  return Object.fromEntries(rows.map((row) => [row.state, row.count]));
}

const untilCounts = async (wanted: Record<string, number>) => {
  let last: unknown;
  await eventually(
    async () => {
      last = [await counts(), await state()];
      return isDeepStrictEqual(last, [wanted, 'closed']) ? true : undefined;
    },
    15_000,
    () => JSON.stringify(last),
  );
};

test('dead letters of an endpoint that has taken something since are delivered; those that need a person stay', async () => {
  const watcher = await startReceiver();
  await endpoint(watcher.url, ['delivery.recovered']);
  receiver.script({ status: 500 }, { status: 503 }, { status: 404 });
  for (const n of [1, 2, 3]) await publish('dead', n);
  await publish('delivered');
  expect(await sweepNow()).toBe(1);
  await untilCounts({ delivered: 3, dead: 1, 'letter retried': 2, 'letter open': 1 });
  await watcher.waitFor(2);
  expect(watcher.received.map(({ body }) => JSON.parse(body).type)).toEqual([
    'delivery.recovered',
    'delivery.recovered',
  ]);
  expect(await sweepNow()).toBe(0);
  expect(receiver.received).toHaveLength(6);
  await watcher.close();
});

test.each([[{}], [{ enabled: false }]])(
  'one of which nobody knows, with the circuit %j, is tried with one at a time, rarely, until one brings the rest',
  async (circuit) => {
    await query('UPDATE endpoints SET circuit_settings = $2 WHERE id = $1', toUuid(id), JSON.stringify(circuit));
    receiver.always({ status: 500 });
    for (const n of [1, 2, 3]) await publish('dead', n);
    const passPause = () => query('UPDATE endpoint_circuits SET recover_at = now() WHERE endpoint_id = $1', toUuid(id));
    const tries = () => receiver.received.slice(3).map(({ body }) => JSON.parse(body).data.n as number);
    expect(await sweepNow()).toBe(1);
    expect(await sweepNow()).toBe(0);
    // The one is a dead letter again, the same, and none has used up anything.
    await untilCounts({ dead: 3, 'letter open': 3 });
    await passPause();
    expect(await sweepNow()).toBe(1);
    await untilCounts({ dead: 3, 'letter open': 3 });
    expect(tries()).toEqual([1, 2]);
    expect(await query('SELECT DISTINCT recoveries FROM dead_letters WHERE endpoint_id = $1', toUuid(id))).toEqual([
      { recoveries: 0 },
    ]);
    receiver.always({ status: 200 });
    await passPause();
    expect(await sweepNow()).toBe(1);
    await untilCounts({ delivered: 3, 'letter retried': 3 });
    expect(tries().slice(2).sort()).toEqual([1, 2, 3]);
  },
);

test('a message that kills its delivery whenever it is sent is sent three times more, ever later, and then waits', async () => {
  receiver.script({ status: 500 });
  await publish('dead');
  const letter = async () => {
    const [row] = await query<{ id: string }>(
      "SELECT id::text FROM dead_letters WHERE endpoint_id = $1 AND state = 'open'",
      toUuid(id),
    );
    return findDeadLetter(pipeline.database.pool, tenantId, `dl_${row?.id.replaceAll('-', '')}` as PublicId);
  };
  for (const [n, minutes] of [0, 5, 60].entries()) {
    const { recoveries, recoversFrom, createdAt } = (await letter()) ?? {};
    expect(recoveries).toBe(n);
    expect(Number(recoversFrom) - Number(createdAt)).toBe(minutes * 60_000);
    await publish('delivered');
    if (n > 0) expect(await sweepNow()).toBe(0);
    await query("UPDATE dead_letters SET recover_at = now() WHERE endpoint_id = $1 AND state = 'open'", toUuid(id));
    receiver.script({ status: 500 });
    // By another process: one that has just started the endpoint's workflow believes for two seconds that it runs.
    expect(await sweepNow(pipeline.openPlatform())).toBe(1);
    await untilCounts({ dead: 1, delivered: n + 1, 'letter open': 1, 'letter retried': n + 1 });
    // One that is about to end would be kept by the next start.
    await pipeline.client.workflow.getHandle(recoveryWorkflowId(id)).result();
  }
  expect(await letter()).toMatchObject({ recoveries: 3, recoversFrom: undefined });
  await query("UPDATE dead_letters SET recover_at = now() WHERE endpoint_id = $1 AND state = 'open'", toUuid(id));
  await publish('delivered');
  expect(await sweepNow()).toBe(0);
});
