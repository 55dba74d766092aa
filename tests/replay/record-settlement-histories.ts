import { type PublicId, toUuid } from '../../core/ids';
import { addDays, lastClosedDate } from '../../domains/merchants/rules/business-day';
import {
  SETTLEMENT_WORKFLOWS,
  settlementLauncherId,
  settlementWorkflowId,
} from '../../domains/settlement/rules/workflow-names';
import { taskQueue } from '../../infra/temporal/task-queues';
import { insertBusiness, insertFeeSchedule, insertMerchant } from '../support/finance';
import { insertTenant } from '../support/fixtures';
import { createPipeline, type Pipeline } from '../support/pipeline';
import { during, happen } from '../support/settlement';
import { keepHistory } from './keep-history';

// Like `record-histories.ts`, for the settlement workflows.
let pipeline: Pipeline;
beforeAll(async () => {
  pipeline = await createPipeline();
  await pipeline.startWorker();
});
afterAll(() => pipeline.close());

const last = lastClosedDate(new Date(), { timeZone: 'UTC', cutoff: '23:59' });

async function business(firstDate: string, graceMs = 0, soldOn = firstDate): Promise<PublicId> {
  const { pool } = pipeline.database;
  const tenantId = await insertTenant(pool);
  await insertBusiness(pool, tenantId, { timeZone: 'UTC', firstDate, graceMs });
  const schedule = await insertFeeSchedule(pool, tenantId);
  const { id: merchantId } = await insertMerchant(pool, tenantId);
  const sale = { kind: 'capture' as const, amount: 10_000n, merchantId, currency: 'EUR', at: during(soldOn, 3) };
  await happen(pool, tenantId, schedule, sale);
  return tenantId;
}

async function launch(tenantId: PublicId): Promise<string> {
  const workflowId = settlementLauncherId(tenantId, last);
  await pipeline.client.workflow.start(SETTLEMENT_WORKFLOWS.settlementLauncher, {
    workflowId,
    taskQueue: taskQueue(pipeline.config, 'money'),
    args: [{ tenantId, upTo: last, trigger: 'manual' }],
  });
  return workflowId;
}

test('two days, one of them missed', async () => {
  const tenantId = await business(addDays(last, -1));
  await keepHistory(pipeline.client, 'settlement-launcher.missed.1', await launch(tenantId));
  await keepHistory(pipeline.client, 'settlement-day.completed.1', settlementWorkflowId(tenantId, addDays(last, -1)));
});

test('missed days on which nothing happened', async () => {
  const tenantId = await business(addDays(last, -3), 0, last);
  await keepHistory(pipeline.client, 'settlement-launcher.quiet.1', await launch(tenantId));
});

test('a breach', async () => {
  const tenantId = await business(last);
  const client = await pipeline.database.pool.connect();
  await client.query('SET session_replication_role = replica');
  await client.query('UPDATE settlement_items SET gross = gross + 1, net = net + 1 WHERE tenant_id = $1', [
    toUuid(tenantId),
  ]);
  await client.query('SET session_replication_role = origin');
  client.release();
  await keepHistory(pipeline.client, 'settlement-launcher.blocked.1', await launch(tenantId));
  await keepHistory(pipeline.client, 'settlement-day.needs-review.1', settlementWorkflowId(tenantId, last));
});

test('a wait for late commits, cancelled', async () => {
  const sinceEnd = Date.now() - during(addDays(last, 1), 0).getTime();
  const tenantId = await business(last, sinceEnd + 60_000);
  const workflowId = settlementWorkflowId(tenantId, last);
  const handle = await pipeline.client.workflow.start(SETTLEMENT_WORKFLOWS.settlementDay, {
    workflowId,
    taskQueue: taskQueue(pipeline.config, 'money'),
    args: [{ tenantId, date: last, trigger: 'manual' }],
  });
  for (let waiting = false; !waiting; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const { events } = await handle.fetchHistory();
    waiting = events?.some((event) => event.timerStartedEventAttributes) ?? false;
  }
  await handle.cancel();
  await keepHistory(pipeline.client, 'settlement-day.cancelled.1', workflowId);
});
