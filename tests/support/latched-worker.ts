import { randomUUID } from 'node:crypto';
import { Worker } from '@temporalio/worker';
import { createActivities } from '../../activities';
import { connectNative } from '../../infra/temporal/client';
import { TEST_BUNDLE } from './bundle';
import { latch } from './latch';
import type { Pipeline } from './pipeline';

type Activities = ReturnType<typeof createActivities>;

/** A worker on a task queue of its own, in which an activity does its work and then waits. */
export interface LatchedWorker {
  taskQueue: string;
  /** Resolves when the activity has done its work for the first time. */
  done: Promise<void>;
  /** Lets it tell its workflow, now and from now on. */
  release(): void;
  stop(): Promise<void>;
}

/** Starts a worker whose activity of this name tells its workflow that it is done only when it may. */
export async function startLatchedWorker(pipeline: Pipeline, activity: keyof Activities): Promise<LatchedWorker> {
  const done = latch();
  const released = latch();
  const activities: Record<string, (...args: never[]) => unknown> = createActivities(pipeline.platform);
  const work = activities[activity];
  if (work === undefined) throw new Error(`there is no activity ${activity}`);
  const taskQueue = `latched-${randomUUID()}`;
  const { connection } = await connectNative();
  const worker = await Worker.create({
    connection,
    taskQueue,
    workflowBundle: { codePath: TEST_BUNDLE },
    activities: {
      ...activities,
      [activity]: async (...args: never[]) => {
        const result = await work(...args);
        done.open();
        await released.opened;
        return result;
      },
    },
  });
  const run = worker.run();
  return {
    taskQueue,
    done: done.opened,
    release: released.open,
    async stop() {
      released.open();
      worker.shutdown();
      await run;
      await connection.close();
    },
  };
}
