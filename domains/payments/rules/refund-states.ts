import type { Moves } from './moves';

export const REFUND_STATES = ['pending', 'succeeded', 'failed', 'needs_review'] as const;
export type RefundState = (typeof REFUND_STATES)[number];

/** States that a workflow moves on from by itself. */
export const REFUND_UNDER_WAY = ['pending'] as const satisfies readonly RefundState[];

const OPEN = [...REFUND_UNDER_WAY, 'needs_review'] as const satisfies readonly RefundState[];

export const REFUND_MOVES = {
  succeed: { from: OPEN, to: 'succeeded', by: 'workflow', posts: 'refund', tells: 'refund.succeeded' },
  fail: { from: OPEN, to: 'failed', by: 'workflow', tells: 'refund.failed' },
  flag: { from: REFUND_UNDER_WAY, to: 'needs_review', by: 'workflow', tells: 'refund.needs_review' },
} as const satisfies Moves<RefundState>;

export type RefundMove = keyof typeof REFUND_MOVES;
