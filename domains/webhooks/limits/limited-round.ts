import { setTimeout as sleep } from 'node:timers/promises';
import type { LeasedDelivery } from '../delivery/leased-delivery';
import type { RateLimits } from './rate-limits';

/** A round waits so long itself: a timer of Temporal's may be half a second late, and costs more. */
const SHORT_WAIT_MS = 1_000;
/** The workflow comes this much earlier than the next permit, and the round waits for the rest. */
const AHEAD_MS = 700;
/** Permits become free one by one; those of so long a time are taken together. */
const GATHER_MS = 20;

/** The rate limit of the endpoint whose backlog is served, as a round goes by it. */
export interface LimitedRound {
  /** Whether this process has seen a limit at the endpoint. */
  readonly limited: boolean;
  /** Whether the last wish was cut, or the last attempt refused. */
  readonly refused: boolean;
  /** Milliseconds until the next permit; 0 when none was refused. */
  readonly waitMs: number;
  /** How many attempts may be made now, at most as many as wanted. @throws when Postgres cannot be asked */
  take(wanted: number): Promise<number>;
  /** The delivery, about to be attempted, with a permit if the round has one for it. */
  permitted(delivery: LeasedDelivery): LeasedDelivery;
  /** Told that a delivery came back without an attempt. @returns whether the limit may be why; else there is no room for it */
  bounced(): boolean;
  /** Gives back what was not used. */
  giveBack(): void;
}

/** What a round asks of the limits. */
export type RoundRates = Pick<RateLimits, 'take' | 'giveBack' | 'mayLimit' | 'waitMs' | 'wasUsedUp'>;

/** When the next round is to come, in milliseconds. */
export function wakeInMs({ waitMs }: LimitedRound): number {
  return Math.max(0, waitMs - AHEAD_MS);
}

/** Waits for the next permits if they come soon. */
export async function opensSoon({ waitMs }: LimitedRound): Promise<boolean> {
  if (waitMs > SHORT_WAIT_MS) return false;
  await sleep(waitMs + GATHER_MS);
  return true;
}
