import type { Moves } from './moves';

export const REFUND_STATES = ['pending', 'succeeded', 'failed', 'needs_review', 'written_off'] as const;
export type RefundState = (typeof REFUND_STATES)[number];

/** States that a workflow moves on from by itself. */
export const REFUND_UNDER_WAY = ['pending'] as const satisfies readonly RefundState[];

const OPEN = [...REFUND_UNDER_WAY, 'needs_review'] as const satisfies readonly RefundState[];

export const REFUND_MOVES = {
  succeed: { from: OPEN, to: 'succeeded', by: 'workflow', posts: 'refund', tells: 'refund.succeeded' },
  fail: { from: OPEN, to: 'failed', by: 'workflow', tells: 'refund.failed' },
  flag: { from: REFUND_UNDER_WAY, to: 'needs_review', by: 'workflow', tells: 'refund.needs_review' },
  /** It had succeeded, and then failed at the provider after all. */
  takeBack: {
    from: ['succeeded'],
    to: 'failed',
    by: 'provider',
    posts: 'refund_reversal',
    tells: 'refund.failed',
  },
  /** The provider says something else of one than is known here. */
  contest: {
    from: ['succeeded', 'failed', 'needs_review', 'written_off'],
    to: 'needs_review',
    by: 'provider',
    tells: 'refund.needs_review',
  },
  resume: { from: ['needs_review'], to: 'pending', by: 'person' },
  settle: { from: ['needs_review'], to: 'succeeded', by: 'person', posts: 'refund', tells: 'refund.succeeded' },
  letGo: { from: ['needs_review'], to: 'failed', by: 'person', posts: 'refund_reversal', tells: 'refund.failed' },
  writeOff: {
    from: ['needs_review'],
    to: 'written_off',
    by: 'person',
    posts: 'refund_write_off',
    tells: 'refund.written_off',
  },
} as const satisfies Moves<RefundState>;

export type RefundMove = keyof typeof REFUND_MOVES;

/** Whether nothing more happens to a refund by itself. */
export function isRefundEnded({ state }: { state: RefundState }): boolean {
  return !REFUND_UNDER_WAY.some((open) => open === state);
}
