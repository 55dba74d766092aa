import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowClient } from '@temporalio/client';
import type { Worker } from '@temporalio/worker';
import type { Platform } from '../infra/platform/platform';
import { inTime } from '../infra/temporal/in-time';
import { oldTaskQueue } from '../infra/temporal/task-queues';

/** How often to check whether anything runs on the old queue. */
const LOOK_EVERY_MS = 60_000;

export interface OldQueue {
  /** Checks, serves and checks again until it is stopped. Never rejects. */
  run(): Promise<void>;
  stop(): void;
}

/**
 * Serves the task queue of versions up to 0.1 while workflows run there: a worker is made when some are found and shut
 * down when none is left. An API or a Schedule of an old version may go on starting more.
 */
export function watchOldQueue(
  platform: Pick<Platform, 'config' | 'log'> & { client: { workflow: Pick<WorkflowClient, 'count'> } },
  makeWorker: () => Promise<Worker>,
  lookEveryMs = LOOK_EVERY_MS,
): OldQueue {
  const { client, log } = platform;
  const queue = oldTaskQueue(platform.config);
  const stopping = new AbortController();

  /** `undefined` when Temporal does not say. */
  async function anythingRuns(): Promise<boolean | undefined> {
    try {
      const running = `TaskQueue = "${queue}" AND ExecutionStatus = "Running"`;
      const { count } = await inTime(client.workflow.count(running));
      return count > 0;
    } catch (error) {
      log.warn({ err: error }, 'could not look whether workflows run on the old task queue');
      return undefined;
    }
  }

  const pause = () => sleep(lookEveryMs, undefined, { signal: stopping.signal }).catch(() => undefined);

  /** Ends when nothing runs there any more, or when the worker ends. */
  async function serve(): Promise<void> {
    const worker = await makeWorker();
    log.info(
      { taskQueue: queue },
      'workflows of an earlier version are running; they are finished on their task queue',
    );
    const done = worker.run();
    const shutdown = () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
    };
    stopping.signal.addEventListener('abort', shutdown);
    try {
      do await Promise.race([pause(), done]);
      while (worker.getState() === 'RUNNING' && (await anythingRuns()) !== false);
      shutdown();
      await done;
    } finally {
      stopping.signal.removeEventListener('abort', shutdown);
    }
  }

  return {
    async run() {
      while (!stopping.signal.aborted) {
        if (await anythingRuns()) {
          await serve().catch((error: unknown) => log.error({ err: error }, 'the worker of the old task queue failed'));
        }
        await pause();
      }
    },
    stop: () => stopping.abort(),
  };
}
