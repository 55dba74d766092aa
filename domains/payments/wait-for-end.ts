import type { Client } from '@temporalio/client';
import { withTimeout } from '../../core/timeout';

/** How long a request waits for its payment to end before it is answered with where to look. */
const RESULT_WAIT_MS = 10_000;

const CLOSE_EVENT = 2;

/**
 * Waits until a workflow is started and has ended, ten seconds in all.
 *
 * Not by `handle.result()`: nothing ends that before the workflow does. While a provider is away, each request would leave
 * a long poll behind for half an hour, and the server has room for some hundreds before it turns workers away. Here one
 * that is under way is answered by the server within seconds, and none follows.
 *
 * @param started - resolves to `undefined` when there is nothing to wait for
 * @throws TimedOut
 */
export async function waitForEnd(
  client: Client,
  workflowId: string,
  started: Promise<object | undefined>,
): Promise<void> {
  const until = Date.now() + RESULT_WAIT_MS;
  const left = () => Math.max(1, until - Date.now());
  if ((await withTimeout(started, left())) === undefined) return;
  let nextPageToken: Uint8Array | undefined;
  for (;;) {
    const poll = client.workflowService.getWorkflowExecutionHistory({
      namespace: client.options.namespace,
      execution: { workflowId },
      skipArchival: true,
      waitNewEvent: true,
      historyEventFilterType: CLOSE_EVENT,
      ...(nextPageToken === undefined ? {} : { nextPageToken }),
    });
    const answer = await withTimeout(poll, left());
    if ((answer.history?.events ?? []).length > 0) return;
    nextPageToken = answer.nextPageToken;
  }
}
