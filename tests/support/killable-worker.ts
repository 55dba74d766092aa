import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import type { Platform } from '../../infra/platform/platform';
import type { Work } from '../../infra/temporal/task-queues';
import { TEST_BUNDLE } from './bundle';
import type { Pipeline } from './pipeline';
import { TEST_KEYS } from './pipeline';

const DIST = path.resolve(__dirname, '../../dist');

/** As `worker/main.ts`, without the Schedules: the tests' Temporal is everybody's. */
const program = (roles: readonly Work[]) => `
const dist = (file) => require(${JSON.stringify(DIST)} + '/' + file);
const { DOMAINS } = dist('worker/domains');
const { openPlatform } = dist('infra/platform/platform');
const { connectNative } = dist('infra/temporal/client');
const { createWorkers } = dist('worker/workers');
(async () => {
  const platform = openPlatform({ name: 'killed', fragments: DOMAINS.flatMap(({ config }) => config ?? []) });
  const { connection } = await connectNative();
  const workers = await createWorkers(platform, { connection, roles: ${JSON.stringify(roles)}, bundle: ${JSON.stringify(TEST_BUNDLE)} });
  process.stdout.write('ready');
  await workers.run();
})();`;

/** A worker in a process of its own, by default for deliveries, on a pipeline's servers, that can be killed. */
export async function startKillableWorker(
  pipeline: Pipeline,
  roles: readonly Work[] = ['delivery'],
): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', program(roles)], {
    env: {
      ...process.env,
      DATABASE_URL: pipeline.database.url,
      WAYBILL_KEYS: TEST_KEYS,
      WAYBILL_TASK_QUEUE: pipeline.config.WAYBILL_TASK_QUEUE,
      WAYBILL_ALLOW_HTTP: 'true',
      WAYBILL_ALLOW_PRIVATE_NETWORKS: '127.0.0.0/8,::1/128',
      WAYBILL_LOG_LEVEL: 'silent',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once('data', () => resolve());
    child.once('exit', (code) => reject(new Error(`the worker ended with ${code}`)));
  });
  return child;
}

/**
 * Tells Temporal that whoever had the work of these workflows is dead, as it would find out by itself when its heartbeats
 * and its sticky task queue are overdue, which takes up to 20 s.
 */
export async function reportDeath(
  { client, namespace }: Pick<Platform, 'client' | 'namespace'>,
  workflowIds: readonly string[],
): Promise<void> {
  for (const workflowId of workflowIds) {
    const execution = { workflowId };
    const { raw } = await client.workflow.getHandle(workflowId).describe();
    await client.workflowService.resetStickyTaskQueue({ namespace, execution });
    for (const { activityId } of raw.pendingActivities ?? []) {
      // One that has not begun is not known to be anybody's.
      await client.workflowService
        .respondActivityTaskFailedById({
          namespace,
          workflowId,
          activityId: activityId ?? '',
          failure: { message: 'the worker was killed', applicationFailureInfo: { type: 'Killed' } },
        })
        .catch(() => undefined);
    }
  }
}
