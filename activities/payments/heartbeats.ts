import { activityInfo, heartbeat } from '@temporalio/activity';

const HEARTBEAT_MS = 1_500;

/** Lets the server notice within seconds that the worker is gone, however long the call takes. */
export async function withHeartbeats<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => {
    // A local activity is watched by its workflow task.
    if (!activityInfo().isLocal) heartbeat();
  }, HEARTBEAT_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
