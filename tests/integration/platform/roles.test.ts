import type { NativeConnection } from '@temporalio/worker';
import { WEBHOOK_WORKFLOWS } from '../../../domains/webhooks/rules/workflow-names';
import { connectNative } from '../../../infra/temporal/client';
import { taskQueue, type Work } from '../../../infra/temporal/task-queues';
import { createWorkers, type Workers } from '../../../worker/workers';
import { TEST_BUNDLE } from '../../support/bundle';
import { createPipeline, type Pipeline } from '../../support/pipeline';

let pipeline: Pipeline;
let connection: NativeConnection;
beforeAll(async () => {
  pipeline = await createPipeline();
  ({ connection } = await connectNative());
});
afterAll(async () => {
  await connection.close();
  await pipeline.close();
});

/** Runs a worker process with these roles while `work` goes on. */
async function withRoles(roles: readonly Work[], work: () => Promise<void>): Promise<void> {
  const workers: Workers = await createWorkers(pipeline.platform, { connection, roles, bundle: TEST_BUNDLE });
  const run = workers.run();
  try {
    await work();
  } finally {
    workers.shutdown();
    await run;
  }
}

test('a worker does the kinds of work in its roles and leaves the others to others', async () => {
  const { client, config } = pipeline;
  const name = config.WAYBILL_TASK_QUEUE;
  const delivery = await client.workflow.start(WEBHOOK_WORKFLOWS.webhookDelivery, {
    workflowId: `roles/${name}/delivery`,
    taskQueue: taskQueue(config, 'delivery'),
    args: [{ open: [], settled: { delivered: 1 } }],
  });
  await withRoles(['upkeep'], async () => {
    const sweep = await client.workflow.execute(WEBHOOK_WORKFLOWS.sweepOverdue, {
      workflowId: `roles/${name}/sweep`,
      taskQueue: taskQueue(config, 'upkeep'),
      args: [{ graceMs: 0 }],
    });
    expect(sweep).toMatchObject({ overdue: 0, started: 0, kept: 0 });
    const { events } = await delivery.fetchHistory();
    expect(events?.some((event) => event.workflowTaskStartedEventAttributes)).toBe(false);
  });
  await withRoles(['delivery', 'money'], async () => {
    expect(await delivery.result()).toEqual({ delivered: 1 });
  });
});

test('a shutdown ends the workers of every role', async () => {
  const workers = await createWorkers(pipeline.platform, {
    connection,
    roles: ['money', 'upkeep'],
    bundle: TEST_BUNDLE,
  });
  const run = workers.run();
  workers.shutdown();
  await run;
});
