import type { Replay } from '../store/replays';

type Progress = Pick<Replay, 'state' | 'total' | 'moved' | 'skipped' | 'waiting' | 'rate'>;

/** How long a job still takes at its present rate, in seconds; undefined when nobody knows. */
export function etaSeconds({ state, total, moved, skipped, waiting, rate }: Progress): number | undefined {
  if (state !== 'running' || total === undefined || rate === undefined || rate <= 0) return undefined;
  return Math.ceil(Math.max(0, total - (moved + skipped - waiting)) / rate);
}
