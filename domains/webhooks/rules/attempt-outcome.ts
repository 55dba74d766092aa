import { parseRetryAfter } from './retry-after';
import { nextDelay } from './retry-schedule';

/** The result of one request to a receiver. */
export type AttemptResult =
  | { kind: 'response'; status: number; retryAfter?: string | undefined }
  /** No response: `code` is from the guarded client, such as `timeout`, `dns`, `connection`, `tls`, `blocked`. */
  | { kind: 'error'; code: string };

/** Why a delivery became a dead letter. */
export type DeadReason =
  | 'exhausted'
  | 'gone'
  /** Only up to the version that began to hold them: its endpoint was disabled. */
  | 'endpoint-disabled'
  | 'content-expired'
  /** It has waited too long for its turn in its endpoint's backlog. */
  | 'backlog-expired'
  /** It was held for too long: its endpoint was paused, or its circuit open. */
  | 'held-too-long';

/** Where a delivery goes after an attempt. */
export type Transition =
  | { state: 'delivered' }
  | { state: 'retrying'; delayMs: number }
  | { state: 'dead'; reason: DeadReason };

export interface AttemptContext {
  /** The endpoint's retry schedule. */
  delaysMs: readonly number[];
  /** Attempts made in this run of the schedule, this one included. */
  attemptsInRun: number;
  /** A number in [0, 1), for the jitter. */
  random: number;
  nowMs: number;
}

const GONE = 410;
const MAY_ASK_FOR_TIME: readonly number[] = [429, 503];

/**
 * Decides what follows from an attempt: 2xx delivers, 410 ends the delivery and disables the endpoint, anything else is
 * retried while the schedule lasts. A 410 of an endpoint that has changed since says nothing about the new one: see
 * {@link retryOrGiveUp}.
 */
export function decide(result: AttemptResult, context: AttemptContext): Transition {
  if (result.kind === 'response') {
    if (result.status >= 200 && result.status < 300) return { state: 'delivered' };
    if (result.status === GONE) return { state: 'dead', reason: 'gone' };
  }
  const retryAfterMs =
    result.kind === 'response' && result.retryAfter !== undefined && MAY_ASK_FOR_TIME.includes(result.status)
      ? parseRetryAfter(result.retryAfter, context.nowMs)
      : undefined;
  return retryOrGiveUp(context, retryAfterMs);
}

/** What follows from an ordinary failure: a retry while the schedule lasts, then a dead letter. */
export function retryOrGiveUp(context: AttemptContext, retryAfterMs?: number): Transition {
  const delayMs = nextDelay(context.delaysMs, context.attemptsInRun, context.random, retryAfterMs);
  return delayMs === undefined ? { state: 'dead', reason: 'exhausted' } : { state: 'retrying', delayMs };
}
