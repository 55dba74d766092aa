import type { Moves } from './moves';

export const CHARGEBACK_STATES = ['received', 'posted', 'won', 'reversed', 'needs_review'] as const;
export type ChargebackState = (typeof CHARGEBACK_STATES)[number];

/** States that a workflow moves on from by itself. */
export const CHARGEBACK_UNDER_WAY = ['received', 'won'] as const satisfies readonly ChargebackState[];

export const CHARGEBACK_MOVES = {
  post: { from: ['received'], to: 'posted', by: 'workflow', posts: 'chargeback', tells: 'chargeback.opened' },
  /** The dispute was won before the chargeback was posted: it is posted all the same, then reversed. */
  postWon: { from: ['received'], to: 'won', by: 'workflow', posts: 'chargeback', tells: 'chargeback.opened' },
  win: { from: ['posted'], to: 'won', by: 'provider' },
  reverse: {
    from: ['won'],
    to: 'reversed',
    by: 'workflow',
    posts: 'chargeback_reversal',
    tells: 'chargeback.won',
  },
  flag: { from: CHARGEBACK_UNDER_WAY, to: 'needs_review', by: 'workflow', tells: 'chargeback.needs_review' },
  /** Posting starts again, but nothing is posted twice. */
  resume: { from: ['needs_review'], to: 'received', by: 'person' },
} as const satisfies Moves<ChargebackState>;

export type ChargebackMove = keyof typeof CHARGEBACK_MOVES;
