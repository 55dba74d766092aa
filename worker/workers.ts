import { existsSync } from 'node:fs';
import type { NativeConnection, WorkerOptions } from '@temporalio/worker';
import { createActivities } from '../activities';
import type { Platform } from '../infra/platform/platform';
import { oldTaskQueue, taskQueue, type Work } from '../infra/temporal/task-queues';
import { BUNDLE_PATH } from './bundle';
import { watchOldQueue } from './old-queue';
import { createOneSandbox } from './one-sandbox';
import { ROLES, type Slots } from './roles';

const SHUTDOWN_GRACE = '35 seconds';
const SHUTDOWN_FORCE = '60 seconds';

export interface WorkersOptions {
  connection: NativeConnection;
  roles: readonly Work[];
  /** Used instead of the built bundle. */
  bundle?: string;
  /** What differs from `ROLES`. */
  slots?: Partial<Record<Work, Partial<Slots>>>;
  /** How long activities under way may go on after the shutdown began. */
  shutdownGraceTime?: WorkerOptions['shutdownGraceTime'];
}

/** Workers of one process: one for each kind of work, and one for the old queue while anything runs there. */
export interface Workers {
  /** Ends when all of them have ended; if one fails, the others are shut down. @throws the error of one that failed */
  run(): Promise<void>;
  shutdown(): void;
}

/** Makes a worker for each role. They poll once they run. */
export async function createWorkers(platform: Platform, options: WorkersOptions): Promise<Workers> {
  const { config, namespace } = platform;
  const common: Omit<WorkerOptions, 'taskQueue'> = {
    connection: options.connection,
    namespace,
    ...workflowsOf(options.bundle ?? BUNDLE_PATH),
    activities: createActivities(platform),
    stickyQueueScheduleToStartTimeout: '5s',
    maxHeartbeatThrottleInterval: '10s',
    shutdownGraceTime: options.shutdownGraceTime ?? SHUTDOWN_GRACE,
    shutdownForceTime: SHUTDOWN_FORCE,
  };
  const sandbox = createOneSandbox();
  const workers = await Promise.all(
    options.roles.map((role) =>
      sandbox.Worker.create({
        ...common,
        ...ROLES[role],
        ...options.slots?.[role],
        taskQueue: taskQueue(config, role),
      }),
    ),
  );
  const old = watchOldQueue(platform, () =>
    sandbox.Worker.create({ ...common, ...ROLES.delivery, taskQueue: oldTaskQueue(config) }),
  );
  const shutdown = () => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    old.stop();
  };
  return {
    shutdown,
    async run() {
      const runs = [...workers.map((worker) => worker.run()), old.run()].map((run) => run.finally(shutdown));
      const outcomes = await Promise.allSettled(runs);
      await sandbox.close();
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },
  };
}

function workflowsOf(bundle: string): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'> {
  return existsSync(bundle)
    ? { workflowBundle: { codePath: bundle } }
    : { workflowsPath: require.resolve('../workflows') };
}
