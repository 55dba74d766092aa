export const ORDERINGS = ['none', 'fifo'] as const;
export type Ordering = (typeof ORDERINGS)[number];

export const HEAD_POLICIES = ['block', 'skip-after', 'dead-letter-after'] as const;

/** What becomes of the deliveries behind one that fails, and after how many failed attempts of it. */
export type HeadOfLine = { policy: 'block' } | { policy: 'skip-after' | 'dead-letter-after'; attempts: number };

export const DEFAULT_HEAD_OF_LINE: HeadOfLine = { policy: 'block' };

/**
 * The retry schedule of an endpoint's deliveries: cut short where the head of the line becomes a dead letter before it
 * ends.
 */
export function scheduleInOrder(delaysMs: readonly number[], ordering: Ordering, head: HeadOfLine): number[] {
  if (ordering === 'none' || head.policy !== 'dead-letter-after') return [...delaysMs];
  return delaysMs.slice(0, head.attempts - 1);
}
