import { setTimeout as sleep } from 'node:timers/promises';
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
  platform: Pick<Platform, 'client' | 'config' | 'log'>,
  makeWorker: () => Promise<Worker>,
  lookEveryMs = LOOK_EVERY_MS,
): OldQueue {
  const { client, log } = platform;
  const queue = oldTaskQueue(platform.config);
  const stopping = new AbortController();

  async function anythingRuns(): Promise<boolean> {
    try {
      const running = `TaskQueue = "${queue}" AND ExecutionStatus = "Running"`;
      const { count } = await inTime(client.workflow.count(running));
      return count > 0;
    } catch (error) {
      log.warn({ err: error }, 'could not look whether workflows run on the old task queue');
      return false;
    }
  }

  const pause = () => sleep(lookEveryMs, undefined, { signal: stopping.signal }).catch(() => undefined);

  async function serve(): Promise<void> {
    const worker = await makeWorker();
    log.info(
      { taskQueue: queue },
      'workflows of an earlier version are running; they are finished on their task queue',
    );
    const done = worker.run();
    const shutdown = () => worker.getState() === 'RUNNING' && worker.shutdown();
    void done.catch(() => undefined).finally(() => stopping.signal.removeEventListener('abort', shutdown));
    stopping.signal.addEventListener('abort', shutdown);
    do await pause();
    while (!stopping.signal.aborted && (await anythingRuns()));
    shutdown();
    await done;
  }

  return {
    async run() {
      while (!stopping.signal.aborted) {
        if (await anythingRuns()) {
          await serve().catch((error: unknown) => log.error({ err: error }, 'the worker of the old task queue failed'));
        } else await pause();
      }
    },
    stop: () => stopping.abort(),
  };
}
