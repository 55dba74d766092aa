import { NativeConnection, Worker } from '@temporalio/worker';
import { createActivities } from '../../../activities';
import { WEBHOOK_WORKFLOWS } from '../../../domains/webhooks/rules/workflow-names';
import { oldTaskQueue, taskQueue } from '../../../infra/temporal/task-queues';
import { watchOldQueue } from '../../../worker/old-queue';
import { TEST_BUNDLE } from '../../support/bundle';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually } from '../../support/receiver';

const LOOK_EVERY_MS = 100;

let pipeline: Pipeline;
let connection: NativeConnection;
beforeAll(async () => {
  pipeline = await createPipeline();
  connection = await NativeConnection.connect({ address: process.env.TEMPORAL_ADDRESS ?? '127.0.0.1:7233' });
});
afterAll(async () => {
  await connection.close();
  await pipeline.close();
});

/** Starts a workflow as a process of an earlier version did. */
function startOnOldQueue(n: number) {
  const workflowId = `webhook-delivery/old-${pipeline.config.WAYBILL_TASK_QUEUE}-${n}`;
  return pipeline.client.workflow.start(WEBHOOK_WORKFLOWS.webhookDelivery, {
    workflowId,
    taskQueue: oldTaskQueue(pipeline.config),
    args: [{ open: [], settled: { delivered: 1 } }],
  });
}

test('no queue is called as the old one', () => {
  const queues = (['delivery', 'money', 'upkeep'] as const).map((work) => taskQueue(pipeline.config, work));
  expect(queues).not.toContain(oldTaskQueue(pipeline.config));
});

test('workflows of an earlier version are finished on their queue, whenever they begin, and its worker is let go', async () => {
  const made: Worker[] = [];
  const old = watchOldQueue(
    pipeline.platform,
    async () => {
      const worker = await Worker.create({
        connection,
        taskQueue: oldTaskQueue(pipeline.config),
        workflowBundle: { codePath: TEST_BUNDLE },
        activities: createActivities(pipeline.platform),
      });
      made.push(worker);
      return worker;
    },
    LOOK_EVERY_MS,
  );
  const first = await startOnOldQueue(1);
  const run = old.run();
  try {
    expect(await first.result()).toEqual({ delivered: 1 });
    await eventually(async () => (made[0]?.getState() === 'STOPPED' ? true : undefined));
    // An API of the earlier version may run for a while yet.
    const second = await startOnOldQueue(2);
    expect(await second.result()).toEqual({ delivered: 1 });
    expect(made).toHaveLength(2);
  } finally {
    old.stop();
    await run;
  }
  expect(made.map((worker) => worker.getState())).toEqual(['STOPPED', 'STOPPED']);
});
