import type { Replay } from '../store/replays';

type Progress = Pick<Replay, 'state' | 'total' | 'moved' | 'skipped' | 'waiting' | 'returned' | 'rate'>;

/** How many a job is done with: attempted again, held, discarded or skipped. */
export function doneOf({ moved, skipped, waiting, returned }: Omit<Progress, 'state' | 'total' | 'rate'>): number {
  return Math.max(0, moved + skipped - waiting - returned);
}

/** How long a job still takes at its present rate, in seconds; undefined when nobody knows. */
export function etaSeconds(progress: Progress): number | undefined {
  const { state, total, rate } = progress;
  if (state !== 'running' || total === undefined || rate === undefined || rate <= 0) return undefined;
  return Math.ceil(Math.max(0, total - doneOf(progress)) / rate);
}
