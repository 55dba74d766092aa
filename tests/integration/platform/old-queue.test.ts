import { type NativeConnection, Worker } from '@temporalio/worker';
import { createActivities } from '../../../activities';
import { WEBHOOK_WORKFLOWS } from '../../../domains/webhooks/rules/workflow-names';
import { connectNative } from '../../../infra/temporal/client';
import { oldTaskQueue, taskQueue } from '../../../infra/temporal/task-queues';
import { watchOldQueue } from '../../../worker/old-queue';
import { TEST_BUNDLE } from '../../support/bundle';
import { createPipeline, type Pipeline } from '../../support/pipeline';
import { eventually } from '../../support/receiver';

const LOOK_EVERY_MS = 100;
const FAILURES = 3;

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

function makeWorker(): Promise<Worker> {
  return Worker.create({
    connection,
    taskQueue: oldTaskQueue(pipeline.config),
    workflowBundle: { codePath: TEST_BUNDLE },
    activities: createActivities(pipeline.platform),
  });
}

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
      const worker = await makeWorker();
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

test('a worker of the old queue that cannot be made, or ends while workflows run there, is made again after a pause', async () => {
  const workflow = await pipeline.client.workflow.start(WEBHOOK_WORKFLOWS.webhookDelivery, {
    workflowId: `webhook-delivery/waiting-${pipeline.config.WAYBILL_TASK_QUEUE}`,
    taskQueue: oldTaskQueue(pipeline.config),
    args: [{ open: [], settled: {} }],
    startDelay: '1 hour',
  });
  const asked: number[] = [];
  const made: Worker[] = [];
  const old = watchOldQueue(
    pipeline.platform,
    async () => {
      asked.push(performance.now());
      if (asked.length <= FAILURES) throw new Error('Temporal refuses the worker');
      const worker = await makeWorker();
      made.push(worker);
      return worker;
    },
    LOOK_EVERY_MS,
  );
  const run = old.run();
  try {
    const running = (n: number) => eventually(async () => (made[n]?.getState() === 'RUNNING' ? made[n] : undefined));
    const first = await running(0);
    first.shutdown();
    await running(1);
    const pauses = asked.slice(1).map((at, n) => at - (asked[n] ?? 0));
    // A timer may fire up to a millisecond early.
    for (const pause of pauses) expect(pause).toBeGreaterThan(LOOK_EVERY_MS - 2);
  } finally {
    old.stop();
    await run;
    await workflow.terminate();
  }
});

test('a Temporal that cannot count its workflows for a moment keeps the worker of the old queue', async () => {
  const made: Worker[] = [];
  let counts = 0;
  const count = async () => {
    counts++;
    if (counts > 1) throw new Error('visibility is away');
    return { count: 1, groups: [] };
  };
  const old = watchOldQueue(
    { ...pipeline.platform, client: { workflow: { count } } },
    async () => {
      const worker = await makeWorker();
      made.push(worker);
      return worker;
    },
    LOOK_EVERY_MS,
  );
  const run = old.run();
  try {
    await eventually(async () => (counts >= 4 ? true : undefined));
    expect(made.map((worker) => worker.getState())).toEqual(['RUNNING']);
  } finally {
    old.stop();
    await run;
  }
});
