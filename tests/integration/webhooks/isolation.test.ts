import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { type PublicId, toUuid } from '../../../core/ids';
import { changeEndpoint } from '../../../domains/webhooks/endpoints/change-endpoint';
import { moveEndpoint } from '../../../domains/webhooks/endpoints/move-endpoint';
import { backlogWorkflowId } from '../../../domains/webhooks/rules/workflow-names';
import { sweep } from '../../../domains/webhooks/upkeep/sweep';
import { deliveryReads } from '../../support/deliveries';
import { insertEndpoint, insertTenant } from '../../support/fixtures';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually, startReceiver, type TestReceiver } from '../../support/receiver';

let pipeline: Pipeline;
let healthy: TestReceiver;
let hanging: Hanging;
let bad: PublicId;
let good: PublicId;

beforeAll(async () => {
  pipeline = await createPipeline({ WAYBILL_SWEEP_GRACE: '500ms' });
  await pipeline.startWorker();
});
afterAll(async () => {
  await pipeline.close();
});
beforeEach(async () => {
  [healthy, hanging] = await Promise.all([startReceiver(), startHanging()]);
  [bad, good] = await Promise.all([insertTenant(pipeline.database.pool), insertTenant(pipeline.database.pool)]);
});
afterEach(async () => {
  await healthy.close();
  await hanging.close();
});

const { query } = deliveryReads(() => pipeline.database.pool);

/** A server that takes requests and never answers, until it is told to. */
interface Hanging {
  url: string;
  /** Connections that have sent something. */
  asked(): number;
  close(): Promise<void>;
}

async function startHanging(): Promise<Hanging> {
  const sockets = new Set<Socket>();
  let asked = 0;
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('data', () => asked++);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const endpoint = (tenantId: PublicId, options: Parameters<typeof insertEndpoint>[3]) =>
  insertEndpoint(pipeline.database.pool, pipeline.dispatch.keyring, tenantId, options);

async function publish(tenantId: PublicId, payload: unknown = {}) {
  const result = await pipeline.publisher.publish({
    tenantId,
    eventType: 'order.created',
    data: JSON.stringify(payload),
    channels: [],
  });
  if (result.outcome !== 'accepted') throw new Error('not accepted');
  return result.deliveries;
}

/** Publishes one after the other and measures from the 202 to the receiver, in milliseconds. */
async function delaysOf(count: number): Promise<number[]> {
  const delays: number[] = [];
  for (let n = 1; n <= count; n++) {
    await publish(good);
    const acceptedAt = Date.now();
    await healthy.waitFor(n);
    delays.push(Math.max(0, (healthy.received[n - 1]?.at ?? 0) - acceptedAt));
  }
  return delays.sort((a, b) => a - b);
}

async function statesOf(endpointId: PublicId) {
  const rows = await query<{ state: string; backlog: boolean; workflow_id: string; count: number }>(
    `SELECT state, backlog, workflow_id, count(*)::int AS count FROM deliveries WHERE endpoint_id = $1
     GROUP BY state, backlog, workflow_id`,
    toUuid(endpointId),
  );
  return rows;
}

async function runningFor(endpointId: PublicId): Promise<string[]> {
  const ids: string[] = [];
  const running = `EndpointIds = "${endpointId}" AND ExecutionStatus = "Running"`;
  for await (const { workflowId } of pipeline.client.workflow.list({ query: running })) ids.push(workflowId);
  return ids;
}

test('a burst at endpoints that hang delays nobody else’s first attempts', async () => {
  for (let n = 0; n < 8; n++) await endpoint(bad, { url: `${hanging.url}/${n}`, timeoutMs: 15_000 });
  await endpoint(good, { url: healthy.url });
  await delaysOf(3);
  healthy.received.splice(0);
  await Promise.all(Array.from({ length: 70 }, () => publish(bad)));
  const delays = await delaysOf(40);
  // Before attempts were limited by how endpoints answer, these took 4 to 15 seconds.
  expect(delays[37]).toBeLessThan(2_000);
  expect(hanging.asked()).toBeLessThanOrEqual(16);
});

test('what an endpoint cannot take has one workflow, however much it is, and is delivered when it answers again', async () => {
  const { id } = await endpoint(bad, {
    url: `${hanging.url}/`,
    timeoutMs: 1_000,
    delaysMs: [1_000, 1_000, 1_000, 1_000],
  });
  for (let burst = 0; burst < 5; burst++) {
    await Promise.all(Array.from({ length: 30 }, () => publish(bad)));
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  await eventually(async () => {
    const waiting = (await statesOf(id)).filter(({ state }) => state === 'pending' || state === 'retrying');
    return waiting.every(({ backlog, workflow_id }) => backlog && workflow_id === backlogWorkflowId(id))
      ? true
      : undefined;
  });
  await eventually(async () => {
    const running = await runningFor(id);
    return running.length === 1 && running[0] === backlogWorkflowId(id) ? true : undefined;
  });
  const workflowId = backlogWorkflowId(id);
  const handle = pipeline.client.workflow.getHandle(workflowId);
  const details = await eventually(async () => {
    const text = await handle.query<string>('__temporal_workflow_metadata').catch(() => undefined);
    return text === undefined ? undefined : JSON.stringify(text);
  });
  expect(details).toContain(id);

  await changeEndpoint(pipeline.platform, bad, id, { url: healthy.url });
  await eventually(async () => {
    const rows = await statesOf(id);
    const waiting = rows.filter(({ state }) => state === 'pending' || state === 'retrying');
    return waiting.length === 0 ? true : undefined;
  });
  const delivered = (await statesOf(id)).filter(({ state }) => state === 'delivered');
  expect(delivered.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThan(130);
  const seen = new Set(healthy.received.map(({ headers }) => headers['webhook-id']));
  expect(healthy.received).toHaveLength(seen.size);
  await handle.result();
  const [{ backlog_until: until } = { backlog_until: undefined }] = await query<{ backlog_until: Date | null }>(
    'SELECT backlog_until FROM endpoints WHERE id = $1',
    toUuid(id),
  );
  expect(until).toBeNull();
  // First attempts are made at once again.
  healthy.received.splice(0);
  const [delivery] = await publish(bad);
  await healthy.waitFor(1);
  expect(delivery?.workflowId).not.toBe(workflowId);
});

test('an endpoint that refuses connections is tried ever more rarely, and costs no workflow for each delivery', async () => {
  const refusing = await startHanging();
  await refusing.close();
  const { id } = await endpoint(bad, { url: `${refusing.url}/`, delaysMs: [1_000, 1_000, 1_000, 1_000] });
  for (let n = 0; n < 30; n++) {
    await Promise.all(Array.from({ length: 20 }, () => publish(bad)));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const [{ attempts = 0 } = {}] = await query<{ attempts: number }>(
    'SELECT sum(attempts)::int AS attempts FROM deliveries WHERE endpoint_id = $1',
    toUuid(id),
  );
  expect(attempts).toBeLessThan(500);
  // Those that have a workflow of their own were accepted before it was known.
  await eventually(async () => {
    const running = await runningFor(id);
    return running.length <= 2 && running.includes(backlogWorkflowId(id)) ? true : undefined;
  });
});

test('a first attempt that waits for its turn sees that its endpoint was paused, or moved, meanwhile', async () => {
  const { id } = await endpoint(good, { url: healthy.url });
  healthy.always({ status: 200, delayMs: 700 });
  const moved = await startReceiver();
  try {
    const published = await Promise.all(Array.from({ length: 6 }, () => publish(good)));
    await healthy.waitFor(2);
    await changeEndpoint(pipeline.platform, good, id, { url: moved.url });
    await moved.waitFor(1);
    await moveEndpoint(pipeline.platform, good, id, { state: 'paused' });
    const paused = await Promise.all(Array.from({ length: 3 }, () => publish(good)));
    await eventually(async () => {
      const open = (await statesOf(id)).filter(({ state }) => state === 'pending' || state === 'retrying');
      return open.length === 0 ? true : undefined;
    });
    expect(healthy.received).toHaveLength(2);
    expect(moved.received.length).toBeLessThanOrEqual(published.length - 2);
    const held = (await statesOf(id)).filter(({ state }) => state === 'held');
    expect(held.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThanOrEqual(paused.length);
  } finally {
    await moved.close();
  }
});

test('many dead letters that are retried at once have one workflow, but for the first of them', async () => {
  const { id } = await endpoint(good, { url: healthy.url, delaysMs: [] });
  healthy.always({ status: 400 });
  await Promise.all(Array.from({ length: 60 }, () => publish(good)));
  const letters = await eventually(async () => {
    const rows = await query<{ id: string }>('SELECT id FROM dead_letters WHERE endpoint_id = $1', toUuid(id));
    return rows.length === 60 ? rows : undefined;
  });
  healthy.always({ status: 200 });
  const retried = letters.map((row) => pipeline.commands.retryDeadLetter(good, `dl_${row.id.replaceAll('-', '')}`));
  const workflows = (await Promise.all(retried)).map((result) => (result.outcome === 'done' ? result.workflowId : ''));
  expect(workflows.filter((workflowId) => workflowId !== backlogWorkflowId(id)).length).toBeLessThanOrEqual(30);
  let states: unknown;
  await eventually(
    async () => {
      const found = await statesOf(id);
      states = found;
      return found.every(({ state }) => state === 'delivered') ? true : undefined;
    },
    undefined,
    () => JSON.stringify(states),
  );
});

test('what has been due in a backlog for too long becomes a dead letter', async () => {
  const { id } = await endpoint(bad, { url: `${hanging.url}/`, timeoutMs: 1_000 });
  await Promise.all(Array.from({ length: 10 }, () => publish(bad)));
  await eventually(async () => ((await statesOf(id)).some(({ backlog }) => backlog) ? true : undefined));
  await eventually(async () => {
    const [{ count = 0 } = {}] = (await statesOf(id)).filter(({ backlog, state }) => backlog && state === 'pending');
    return count >= 5 ? true : undefined;
  });
  await query(
    "UPDATE deliveries SET next_attempt_at = now() - interval '73 hours' WHERE endpoint_id = $1 AND backlog AND claim IS NULL",
    toUuid(id),
  );
  await changeEndpoint(pipeline.platform, bad, id, { timeout: 1_500 });
  // One or two have their turn first.
  await eventually(async () => {
    const rows = await query<{ reason: string }>('SELECT reason FROM dead_letters WHERE endpoint_id = $1', toUuid(id));
    return rows.length >= 3 && rows.every(({ reason }) => reason === 'backlog-expired') ? true : undefined;
  });
});

test('what one tenant has overdue starves nobody, however much it is, and goes to one backlog', async () => {
  const MANY = 12_000;
  const { id: flooded } = await endpoint(bad, { url: `${hanging.url}/`, timeoutMs: 30_000 });
  const { id: small } = await endpoint(good, { url: healthy.url });
  const overdue = (tenantId: PublicId, endpointId: PublicId, count: number, minutes: number) =>
    query(
      `WITH stored AS (
         INSERT INTO messages (id, tenant_id, event_type, body, created_at)
         SELECT gen_random_uuid(), $1, 'order.created', '{}', now() FROM generate_series(1, $3) RETURNING id
       )
       INSERT INTO deliveries (id, tenant_id, message_id, endpoint_id, event_type, state, next_attempt_at, workflow_id,
                               created_at, updated_at)
       SELECT gen_random_uuid(), $1, id, $2, 'order.created', 'pending', now() - $4 * interval '1 minute',
              'webhook-delivery/batch_lost.' || (row_number() OVER () / 500), now(), now() FROM stored`,
      toUuid(tenantId),
      toUuid(endpointId),
      count,
      minutes,
    );
  await overdue(bad, flooded, MANY, 60);
  await overdue(good, small, 1, 1);
  const report = await sweep(pipeline.platform, { beat: () => undefined, graceMs: 500 });
  expect(report.moved).toBe(MANY);
  expect(report.overdue).toBeGreaterThan(MANY);
  await healthy.waitFor(1);
  await eventually(async () => {
    const running = await runningFor(flooded);
    return running.length === 1 && running[0] === backlogWorkflowId(flooded) ? true : undefined;
  });
});

test('a backlog that nobody attends to is found by the sweep', async () => {
  const { id } = await endpoint(good, { url: healthy.url });
  const [delivery] = await publish(good);
  await healthy.waitFor(1);
  await eventually(async () => ((await statesOf(id)).every(({ state }) => state === 'delivered') ? true : undefined));
  // As a process leaves it that dies between the move and the start of the workflow.
  await query(
    `UPDATE deliveries SET state = 'retrying', backlog = true, workflow_id = $2, next_attempt_at = now() - interval '2 s'
     WHERE id = $1`,
    toUuid(delivery?.id ?? ''),
    backlogWorkflowId(id),
  );
  const report = await sweep(pipeline.platform, { beat: () => undefined, graceMs: 500 });
  expect(report.backlogs).toBeGreaterThanOrEqual(1);
  await healthy.waitFor(2);
});
