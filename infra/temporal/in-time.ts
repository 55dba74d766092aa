import { withTimeout } from '../../core/timeout';

/** How long a request waits for Temporal to answer a call. */
const ANSWER_WITHIN_MS = 10_000;

/** Bounds a call to Temporal that a request waits for; nothing else would. @throws TimedOut */
export function inTime<T>(call: Promise<T>): Promise<T> {
  return withTimeout(call, ANSWER_WITHIN_MS);
}
