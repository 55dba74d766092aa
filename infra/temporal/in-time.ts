import { withTimeout } from '../../core/timeout';

/** How long a request waits for Temporal to answer a call. */
const ANSWER_WITHIN_MS = 10_000;

/** For calls to Temporal that a request waits for: nothing else ends one that is never answered. @throws TimedOut */
export function inTime<T>(call: Promise<T>): Promise<T> {
  return withTimeout(call, ANSWER_WITHIN_MS);
}
