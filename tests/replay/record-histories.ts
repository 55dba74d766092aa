import type { PublicId } from '../../core/ids';
import { newId, toUuid } from '../../core/ids';
import type { BacklogReport } from '../../domains/webhooks/backlog/serve-backlog';
import { commandCircuit, showCircuit } from '../../domains/webhooks/circuit/circuit-commands';
import { changeEndpoint } from '../../domains/webhooks/endpoints/change-endpoint';
import { moveEndpoint } from '../../domains/webhooks/endpoints/move-endpoint';
import { commandReplay } from '../../domains/webhooks/replay/command-replay';
import type { ReplayReport } from '../../domains/webhooks/replay/replay-round';
import { startReplay } from '../../domains/webhooks/replay/start-replay';
import {
  backlogWorkflowId,
  PROGRESS,
  recoveryWorkflowId,
  replayWorkflowId,
  WEBHOOK_SCHEDULES,
  WEBHOOK_WORKFLOWS,
} from '../../domains/webhooks/rules/workflow-names';
import { taskQueue } from '../../infra/temporal/task-queues';
import { insertEndpoint, insertTenant } from '../support/fixtures';
import { createPipeline, type Pipeline } from '../support/pipeline';
import { eventually, startReceiver, type TestReceiver } from '../support/receiver';
import { keepHistory } from './keep-history';

/**
 * Runs workflows through what they can meet and keeps their histories, for `replay.test.ts`. Not a test: run it by `npm
 * run record:histories` when a workflow has a new branch. Histories that were recorded by earlier versions stay: they
 * stand for the workflows that are in flight when that version is replaced.
 */
let pipeline: Pipeline;
let receiver: TestReceiver;
let tenantId: PublicId;

beforeAll(async () => {
  receiver = await startReceiver();
  pipeline = await createPipeline({
    WAYBILL_ESCALATE_WEBHOOK_AFTER: '500ms',
    WAYBILL_ESCALATE_SLACK_AFTER: '1s',
    WAYBILL_SLACK_URL: receiver.url,
  });
  await pipeline.startWorker();
  tenantId = await insertTenant(pipeline.database.pool);
});
afterAll(async () => {
  await receiver.close();
  await pipeline.close();
});

async function endpoint(delaysMs: number[], url = receiver.url) {
  await pipeline.database.pool.query('DELETE FROM endpoint_subscriptions WHERE tenant_id = $1', [toUuid(tenantId)]);
  return insertEndpoint(pipeline.database.pool, pipeline.dispatch.keyring, tenantId, { url, delaysMs });
}

async function publish() {
  const result = await pipeline.publisher.publish({ tenantId, eventType: 'order.created', data: '{}', channels: [] });
  const delivery = result.outcome === 'accepted' ? result.deliveries[0] : undefined;
  if (delivery === undefined) throw new Error('nothing to deliver');
  return delivery;
}

const keep = (name: string, workflowId: string) => keepHistory(pipeline.client, name, workflowId);

async function untilState(deliveryId: PublicId, state: string) {
  await eventually(async () => {
    const { rows } = await pipeline.database.pool.query('SELECT state FROM deliveries WHERE id = $1', [
      toUuid(deliveryId),
    ]);
    return rows[0].state === state ? true : undefined;
  });
}

test('webhookDelivery: delivered by the first attempt', async () => {
  await endpoint([100]);
  await keep('webhook-delivery.first-attempt.1', (await publish()).workflowId);
});

test('webhookDelivery: retried after a timer, then delivered', async () => {
  await endpoint([100, 2_500]);
  receiver.script({ status: 500 }, { status: 503 });
  await keep('webhook-delivery.retried.1', (await publish()).workflowId);
});

test('webhookDelivery: dead after its schedule', async () => {
  await endpoint([100]);
  receiver.script({ status: 500 }, { status: 500 });
  await keep('webhook-delivery.dead.1', (await publish()).workflowId);
});

test('webhookDelivery: retried by an operator, another cancelled', async () => {
  await endpoint([600_000]);
  receiver.script({ status: 500 });
  const retried = await publish();
  await untilState(retried.id, 'retrying');
  await pipeline.commands.retry(tenantId, retried.id);
  await keep('webhook-delivery.retry-now.1', retried.workflowId);

  receiver.script({ status: 500 });
  const cancelled = await publish();
  await untilState(cancelled.id, 'retrying');
  await pipeline.commands.cancel(tenantId, cancelled.id);
  await keep('webhook-delivery.cancelled.1', cancelled.workflowId);
});

test('webhookDelivery: a batch with a slow endpoint, which gets a lane of its own', async () => {
  const slow = await startReceiver();
  slow.always({ status: 500, delayMs: 2_200 });
  await endpoint([100, 1_500], slow.url);
  const first = await publish();
  await endpoint([100, 1_500, 1_500]);
  receiver.script({ status: 500 }, { status: 500 });
  const second = await publish();
  const open = [first.id, second.id];
  await eventually(async () => {
    const { rows } = await pipeline.database.pool.query(
      "SELECT 1 FROM deliveries WHERE id = ANY ($1::uuid[]) AND state = 'retrying'",
      [open.map(toUuid)],
    );
    return rows.length === 2 ? true : undefined;
  });
  const workflowId = `webhook-delivery/batch_recorded_${pipeline.config.WAYBILL_TASK_QUEUE}`;
  await pipeline.client.workflow.start(WEBHOOK_WORKFLOWS.webhookDelivery, {
    workflowId,
    taskQueue: taskQueue(pipeline.config, 'delivery'),
    args: [{ open, settled: { delivered: 3 } }],
  });
  await keep('webhook-delivery.slow-lane.1', workflowId);
  await slow.close();
});

test('endpointBacklog: an endpoint that takes nothing for a while, is changed, and takes all', async () => {
  const { id: endpointId } = await endpoint(Array(9).fill(1_500), 'http://127.0.0.1:1/');
  const platform = pipeline.platform;
  await moveEndpoint(platform, tenantId, endpointId, { state: 'paused' });
  const waiting = await Promise.all(Array.from({ length: 15 }, publish));
  await moveEndpoint(platform, tenantId, endpointId, { state: 'enabled' });
  const workflowId = backlogWorkflowId(endpointId);
  await eventually(async () => {
    const report = await pipeline.client.workflow.getHandle(workflowId).query<BacklogReport | null>(PROGRESS);
    return report?.due === true && report.delivered === 0 ? true : undefined;
  });
  await changeEndpoint(platform, tenantId, endpointId, { url: receiver.url });
  for (const { id } of waiting) await untilState(id, 'delivered');
  await keep('endpoint-backlog.changed.1', workflowId);
});

test('endpointBacklog: an endpoint whose rate limit is used up until it is removed', async () => {
  const { pool } = pipeline.database;
  const { id: endpointId } = await endpoint([60_000], receiver.url);
  await pool.query('UPDATE endpoints SET rate_limit = 1, rate_period_ms = 3600000 WHERE id = $1', [toUuid(endpointId)]);
  const waiting = await Promise.all(Array.from({ length: 4 }, publish));
  const workflowId = backlogWorkflowId(endpointId);
  await eventually(async () => {
    const report = await pipeline.client.workflow
      .getHandle(workflowId)
      .query<BacklogReport | null>(PROGRESS)
      .catch(() => null);
    return report?.rateLimited === true ? true : undefined;
  });
  // Told of more, it sleeps on.
  pipeline.backlogs.tell({ endpointId, tenantId });
  await pipeline.backlogs.drain();
  await changeEndpoint(pipeline.platform, tenantId, endpointId, { rateLimit: null });
  for (const { id } of waiting) await untilState(id, 'delivered');
  await keep('endpoint-backlog.limited.1', workflowId);
});

test('endpointRecovery: told of, paused, resumed, tried by command, drained', async () => {
  const failing = await startReceiver();
  failing.always({ status: 500 });
  await pipeline.database.pool.query('DELETE FROM endpoint_subscriptions WHERE tenant_id = $1', [toUuid(tenantId)]);
  const { id: endpointId } = await insertEndpoint(pipeline.database.pool, pipeline.dispatch.keyring, tenantId, {
    url: failing.url,
    circuit: { consecutiveFailures: 1, drainPerSecond: 100 },
    delaysMs: [600_000],
  });
  await publish();
  const { platform } = pipeline;
  const state = async () => (await showCircuit(platform, tenantId, endpointId)).state;
  const until = (wanted: string) => eventually(async () => ((await state()) === wanted ? true : undefined), 30_000);
  await until('open');
  const waiting = await Promise.all(Array.from({ length: 5 }, publish));
  const command = (name: 'pause' | 'resume' | 'probeNow') =>
    commandCircuit(platform, tenantId, { endpointId, command: name });
  await command('probeNow');
  await failing.waitFor(2);
  await command('pause');
  await command('resume');
  await eventually(async () =>
    (await showCircuit(platform, tenantId, endpointId)).escalated.includes('slack') ? true : undefined,
  );
  failing.always({ status: 200 });
  await command('probeNow');
  for (const { id } of waiting) await untilState(id, 'delivered');
  await until('closed');
  await keep('endpoint-recovery.drained.1', recoveryWorkflowId(endpointId));
  await failing.close();
});

test.each([
  [WEBHOOK_WORKFLOWS.sweepOverdue, WEBHOOK_SCHEDULES.sweepOverdue],
  [WEBHOOK_WORKFLOWS.retention, WEBHOOK_SCHEDULES.retention],
])('%s', async (type, name) => {
  const workflowId = `${name}/recorded_${pipeline.config.WAYBILL_TASK_QUEUE}`;
  await pipeline.client.workflow.start(type, { workflowId, taskQueue: taskQueue(pipeline.config, 'upkeep') });
  await keep(`${name}.1`, workflowId);
});

test('replayDeliveries: paused, resumed, and done', async () => {
  await endpoint([]);
  receiver.script(...Array.from({ length: 12 }, () => ({ status: 500 })));
  const dead = await Promise.all(Array.from({ length: 12 }, publish));
  for (const { id } of dead) await untilState(id, 'dead');
  const effect = { tenantId, effectId: newId('eff'), fence: async () => {}, keyId: newId('key') };
  const { id } = await startReplay(pipeline.platform, effect, {
    action: 'replay',
    source: 'deliveries',
    endpointId: undefined,
    filter: { states: ['dead'], eventTypes: [] },
    rateLimit: 4,
    reason: undefined,
  });
  const handle = pipeline.client.workflow.getHandle(replayWorkflowId(id));
  await eventually(async () => ((await handle.query<ReplayReport | null>(PROGRESS))?.moved ? true : undefined));
  await commandReplay(pipeline.platform, tenantId, { id, command: 'pause' });
  await eventually(async () => {
    const report = await handle.query<ReplayReport | null>(PROGRESS);
    return report?.state === 'paused' ? true : undefined;
  });
  await commandReplay(pipeline.platform, tenantId, { id, command: 'resume' });
  await keep('replay-deliveries.paused.1', replayWorkflowId(id));
});
