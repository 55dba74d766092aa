import { ActivityFailure, ApplicationFailure, isCancellation, sleep, TemporalFailure } from '@temporalio/workflow';
import { PERMANENT_ERRORS } from './retry-policies';

/** Waits between rounds of tries: doubled each time, up to a longest one. In milliseconds. */
export interface Rounds {
  count: number;
  firstMs: number;
  longestMs: number;
}

/** About half an hour in all: longer than a server is usually away, shorter than a person wants to wait for word. */
export const PATIENT: Rounds = { count: 10, firstMs: 5_000, longestMs: 600_000 };

/** The result: a value, an error that no retry changes (by its type), or nothing within the rounds. */
export type RoundsResult<T> =
  | { outcome: 'done'; value: T }
  | { outcome: 'permanent'; type: string }
  | { outcome: 'exhausted' };

/**
 * Tries again, after the activity's own retries are used up, with waits that outlive any process. A value that `enough`
 * rejects counts as a failed round.
 */
export async function inRounds<T>(
  work: () => Promise<T>,
  rounds: Rounds,
  pace: number,
  enough: (value: T) => boolean = () => true,
): Promise<RoundsResult<T>> {
  for (let round = 0; round < rounds.count; round++) {
    if (round > 0) await sleep(waitOf(rounds, round, pace));
    try {
      const value = await work();
      if (enough(value)) return { outcome: 'done', value };
    } catch (error) {
      const type = permanentType(error);
      if (type !== undefined) return { outcome: 'permanent', type };
    }
  }
  return { outcome: 'exhausted' };
}

/** The type of an activity's error that no retry changes; `undefined` for others. Throws on any other error. */
export function permanentType(error: unknown): string | undefined {
  // A local activity's failure comes without the envelope.
  const failure = error instanceof ActivityFailure ? error.cause : error;
  if (isCancellation(error) || !(failure instanceof TemporalFailure)) throw error;
  const type = failure instanceof ApplicationFailure ? failure.type : undefined;
  return typeof type === 'string' && PERMANENT_ERRORS.includes(type) ? type : undefined;
}

/** The wait before a round, in milliseconds. */
export function waitOf({ firstMs, longestMs }: Rounds, round: number, pace: number): number {
  return Math.max(1, Math.round(Math.min(firstMs * 2 ** (round - 1), longestMs) * pace));
}
