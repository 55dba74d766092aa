import { type PublicId, toUuid } from '../../../core/ids';
import { commandCircuit, showCircuit } from '../../../domains/webhooks/circuit/circuit-commands';
import { openDispatch } from '../../../domains/webhooks/delivery/open-dispatch';
import { moveEndpoint } from '../../../domains/webhooks/endpoints/move-endpoint';
import { openPublishing } from '../../../domains/webhooks/publishing/open-publishing';
import { recoveryWorkflowId } from '../../../domains/webhooks/rules/workflow-names';
import { sweep } from '../../../domains/webhooks/upkeep/sweep';
import { deliveryReads } from '../../support/deliveries';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually, startReceiver, type TestReceiver } from '../../support/receiver';

let pipeline: Pipeline;
let receiver: TestReceiver;
let tenantId: PublicId;

let alerts: TestReceiver;
let worker: { stop(): Promise<void> };

beforeAll(async () => {
  alerts = await startReceiver();
  pipeline = await createPipeline({
    WAYBILL_ESCALATE_WEBHOOK_AFTER: '200ms',
    WAYBILL_ESCALATE_SLACK_AFTER: '400ms',
    WAYBILL_ESCALATE_SMS_AFTER: '600ms',
    WAYBILL_SLACK_URL: `${alerts.url}/slack`,
    WAYBILL_SMS_URL: `${alerts.url}/sms`,
    WAYBILL_SMS_TOKEN: 'sms-token',
    WAYBILL_CIRCUIT_FIRST_PROBE: '300ms',
    WAYBILL_CIRCUIT_LONGEST_PROBE: '1s',
    WAYBILL_SWEEP_GRACE: '300ms',
  });
  worker = await pipeline.startWorker();
});
afterAll(async () => {
  await pipeline.close();
  await alerts.close();
});
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
  // Neither a turn nor a workflow for any of them.
  expect(openDispatch(other).engine.waiting + openDispatch(other).engine.running).toBe(0);
  expect((await workflowsOf(id)).filter((workflow) => !workflow.startsWith('webhook-delivery/'))).toEqual([
    recoveryWorkflowId(id),
  ]);
  expect((await workflowsOf(id)).length).toBeLessThanOrEqual(4);
  const before = receiver.received.length;
  await receiver.waitFor(before + 2);
  const times = receiver.received.slice(3).map(({ at }) => at);
  for (const [n, at] of times.slice(1).entries()) expect(at - (times[n] ?? 0)).toBeGreaterThan(250);

  receiver.received.splice(0);
  receiver.always({ status: 200 });
  await untilCircuit(id, 'closed');
  await eventually(async () => ((await states(id)).delivered === 40 ? true : undefined));
  const numbers = receiver.received.map(({ headers }) => String(headers['webhook-id']));
  // The first was the probe; the others follow in the order in which they were published, but for what is under way at once.
  const drained = numbers.slice(1);
  expect(drained.length).toBeGreaterThanOrEqual(39);
  const place = new Map([...drained].sort().map((messageId, n) => [messageId, n]));
  for (const [n, messageId] of drained.entries()) expect(Math.abs((place.get(messageId) ?? 0) - n)).toBeLessThan(12);
});

const deliveriesOf = (id: PublicId) =>
  query<{ id: string; state: string; event_type: string }>(
    'SELECT id::text, state, event_type FROM deliveries WHERE endpoint_id = $1 ORDER BY id',
    toUuid(id),
  );

test('tells each level once an incident, and gives the all-clear; an endpoint that takes all is not told', async () => {
  const id = await endpoint();
  const watcher = await startReceiver();
  const { pool, keyring } = pipeline.dispatch;
  await insertEndpoint(pool, keyring, tenantId, { url: watcher.url, patterns: ['endpoint.*'] });
  await insertEndpoint(pool, keyring, tenantId, { url: watcher.url, patterns: ['nothing'], channels: [] });
  receiver.always({ status: 503 });
  await publish(3);
  const mine = () => alerts.received.filter(({ body }) => body.includes(id));
  await eventually(() => (mine().length === 2 ? true : undefined));
  expect(mine().map(({ path }) => path)).toEqual(['/hook/slack', '/hook/sms']);
  expect(mine()[1]?.headers.authorization).toBe('Bearer sms-token');
  expect((await show(id)).escalated).toEqual(['webhook', 'slack', 'sms']);
  await publish(1);

  receiver.always({ status: 200 });
  await untilCircuit(id, 'closed');
  await eventually(() => (mine().length === 4 ? true : undefined));
  expect(mine().map(({ body }) => JSON.parse(body).text.includes('recovered'))).toEqual([false, false, true, true]);
  await watcher.waitFor(2);
  const events = watcher.received.map(({ body }) => JSON.parse(body));
  expect(events.map(({ type }) => type)).toEqual(['endpoint.failing', 'endpoint.recovered']);
  expect(events[0].data).toMatchObject({ endpointId: id, lastError: 'http-503', reason: 'consecutive-failures' });
  // By its receiver's 410, then by command.
  receiver.always({ status: 410 });
  await publish(1);
  await watcher.waitFor(3);
  await moveEndpoint(pipeline.platform, tenantId, id, { state: 'enabled' });
  await moveEndpoint(pipeline.platform, tenantId, id, { state: 'disabled', reason: 'a test' });
  await watcher.waitFor(4);
  expect(watcher.received.slice(2).map(({ body }) => JSON.parse(body))).toMatchObject([
    { type: 'endpoint.disabled', data: { endpointId: id, reason: 'receiver answered 410 Gone' } },
    { type: 'endpoint.disabled', data: { endpointId: id, reason: 'a test' } },
  ]);
  // It subscribes to everything that its tenant publishes, not to this.
  expect((await deliveriesOf(id)).filter(({ event_type }) => event_type !== 'order.created')).toEqual([]);
  await watcher.close();
});

test('an endpoint with a fallback fails over to it, and is tried with one delivery at a time', async () => {
  const fallback = await startReceiver();
  const id = await endpoint({ fallbackUrl: fallback.url });
  receiver.always({ status: 500 });
  await publish(3);
  await untilCircuit(id, 'open');
  receiver.received.splice(0);
  await publish(10);
  const marked = await eventually(async () => {
    const rows = await query<{ fallback: boolean }>(
      `SELECT a.fallback FROM attempts a JOIN deliveries d ON d.id = a.delivery_id
       WHERE d.endpoint_id = $1 AND a.outcome = 'succeeded'`,
      toUuid(id),
    );
    return rows.length >= 10 ? rows : undefined;
  });
  expect(fallback.received.length).toBeGreaterThanOrEqual(10);
  expect(marked.every((attempt) => attempt.fallback)).toBe(true);
  expect((await states(id)).held).toBeUndefined();

  // A probe that fails costs its delivery a moment, no more.
  await eventually(async () => {
    await publish(1);
    return receiver.received.length > 0 ? true : undefined;
  });
  const made = (await deliveriesOf(id)).length - 3;
  await eventually(async () => ((await states(id)).delivered === made ? true : undefined));
  receiver.always({ status: 200 });
  await eventually(async () => {
    await publish(1);
    return (await show(id)).state === 'closed' ? true : undefined;
  });
  const before = receiver.received.length;
  await publish(3);
  await receiver.waitFor(before + 3);
  await fallback.close();
});

test('goes on when the worker dies and the workflow is gone, and obeys commands', async () => {
  const id = await endpoint();
  receiver.always({ status: 500 });
  await publish(3);
  await untilCircuit(id, 'open');
  await publish(5);
  const command = (update: 'pause' | 'resume' | 'probeNow' | 'drainAt', rate?: number) =>
    commandCircuit(pipeline.platform, tenantId, {
      endpointId: id,
      command: update,
      ...(rate === undefined ? {} : { rate }),
    });
  expect(await command('pause')).toMatchObject({ state: 'open', paused: true, nextProbeAt: null });
  expect(await command('drainAt', 2)).toMatchObject({ drainRate: 2 });
  const quiet = receiver.received.length;
  await command('probeNow');
  await receiver.waitFor(quiet + 1);

  await pipeline.client.workflow.getHandle(recoveryWorkflowId(id)).terminate('a test');
  await worker.stop();
  worker = await pipeline.startWorker();
  await query("UPDATE endpoint_circuits SET attended_until = now() - interval '1 minute', paused = false");
  receiver.always({ status: 200 });
  const began = Date.now();
  const sweepNow = () => sweep(pipeline.platform, { beat: () => undefined });
  expect(await sweepNow()).toMatchObject({ circuits: 1 });
  // A process that has just started the workflow believes for two seconds that it runs.
  await eventually(async () => ((await sweepNow()).circuits === 0 ? true : undefined));
  await eventually(async () => ((await states(id)).delivered === 5 ? true : undefined));
  // Four at two a second, the first at once.
  expect(Date.now() - began).toBeGreaterThan(1_200);
  await untilCircuit(id, 'closed');
  await expect(command('pause')).rejects.toThrow('The circuit is closed');
});

test('dead letters that recover with their endpoint are delivered when it does; those that need a human stay', async () => {
  const id = await endpoint({ delaysMs: [], circuit: { ...CIRCUIT, consecutiveFailures: 5 } });
  const answers = [400, 503, 504, 500, 422];
  receiver.script(...answers.map((status) => ({ status })));
  receiver.always({ status: 500 });
  for (const _ of answers) {
    const before = receiver.received.length;
    await publish(1);
    await receiver.waitFor(before + 1);
  }
  await untilCircuit(id, 'open');
  expect(await states(id)).toEqual({ dead: 5 });
  receiver.always({ status: 200 });
  await untilCircuit(id, 'closed');
  await eventually(async () => ((await states(id)).delivered === 3 ? true : undefined));
  const open = await query<{ last_status: number }>(
    "SELECT last_status FROM dead_letters WHERE endpoint_id = $1 AND state = 'open' ORDER BY last_status",
    toUuid(id),
  );
  expect(open.map(({ last_status }) => last_status)).toEqual([400, 422]);
});

test('what is held for too long becomes a dead letter with a reason of its own', async () => {
  const id = await endpoint({ state: 'paused' });
  await publish(2);
  const [first] = await deliveriesOf(id);
  await query("UPDATE deliveries SET updated_at = now() - interval '8 days' WHERE id = $1", first?.id);
  expect(await sweep(pipeline.platform, { beat: () => undefined })).toMatchObject({ expired: 1 });
  expect(await states(id)).toEqual({ dead: 1, held: 1 });
  expect(await query('SELECT reason FROM dead_letters WHERE endpoint_id = $1', toUuid(id))).toEqual([
    { reason: 'held-too-long' },
  ]);
});

test('the tenant hears of deliveries that fail, are exhausted and recover, and never of the delivery of that', async () => {
  const watcher = await startReceiver();
  const { pool, keyring } = pipeline.dispatch;
  const watching = await insertEndpoint(pool, keyring, tenantId, {
    url: watcher.url,
    patterns: ['delivery.*'],
    delaysMs: [10],
  });
  watcher.always({ status: 500 });
  const id = await endpoint({ circuit: { enabled: false }, delaysMs: [10, 10, 10, 10], patterns: ['order.*'] });
  receiver.script(...Array.from({ length: 9 }, () => ({ status: 500 })));
  await publish(1);
  await eventually(async () => ((await states(id)).dead === 1 ? true : undefined));
  await publish(1);
  await eventually(async () => ((await states(id)).delivered === 1 ? true : undefined));
  await eventually(async () => ((await states(watching.id)).dead === 4 ? true : undefined));
  expect((await deliveriesOf(watching.id)).map(({ event_type }) => event_type)).toEqual([
    'delivery.failing',
    'delivery.exhausted',
    'delivery.failing',
    'delivery.recovered',
  ]);
  await watcher.close();
});

/** Every workflow, running or not, that was started for an endpoint. */
async function workflowsOf(endpointId: PublicId): Promise<string[]> {
  return eventually(async () => {
    const ids = new Set<string>();
    for await (const { workflowId } of pipeline.client.workflow.list({ query: `EndpointIds = "${endpointId}"` })) {
      ids.add(workflowId);
    }
    return ids.has(recoveryWorkflowId(endpointId)) ? [...ids] : undefined;
  });
}
