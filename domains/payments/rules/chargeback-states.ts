import type { Moves } from './moves';

export const CHARGEBACK_STATES = [
  'received',
  'posted',
  'won',
  'reversed',
  'partly_won',
  'lost',
  'needs_review',
  'dismissed',
] as const;
export type ChargebackState = (typeof CHARGEBACK_STATES)[number];

/** States that a workflow moves on from by itself. */
export const CHARGEBACK_UNDER_WAY = ['received', 'won'] as const satisfies readonly ChargebackState[];

/** States that a person may correct: not those that a workflow is about to leave. */
export const CHARGEBACK_CORRECTABLE = [
  'posted',
  'reversed',
  'partly_won',
  'lost',
  'needs_review',
  'dismissed',
] as const satisfies readonly ChargebackState[];

export const CHARGEBACK_MOVES = {
  /** One that is decided already is posted all the same, so that the books tell what happened. */
  post: { from: ['received'], to: 'posted', by: 'workflow', posts: 'chargeback', tells: 'chargeback.opened' },
  win: { from: ['posted'], to: 'won', by: 'provider' },
  reverse: { from: ['won'], to: 'reversed', by: 'workflow', posts: 'chargeback_reversal', tells: 'chargeback.won' },
  /** Only a part of the amount comes back; the dispute fee does not. */
  reversePart: {
    from: ['won'],
    to: 'partly_won',
    by: 'workflow',
    posts: 'chargeback_reversal',
    tells: 'chargeback.partly_won',
  },
  lose: { from: ['posted'], to: 'lost', by: 'provider', tells: 'chargeback.lost' },
  flag: { from: CHARGEBACK_UNDER_WAY, to: 'needs_review', by: 'workflow', tells: 'chargeback.needs_review' },
  /** The provider says something else of it than before. */
  contest: {
    from: CHARGEBACK_STATES,
    to: 'needs_review',
    by: 'provider',
    tells: 'chargeback.needs_review',
  },
  /** Posting starts again, but nothing is posted twice. */
  resume: { from: ['needs_review'], to: 'received', by: 'person' },
  resolvePosted: {
    from: CHARGEBACK_CORRECTABLE,
    to: 'posted',
    by: 'person',
    posts: 'chargeback',
    tells: 'chargeback.opened',
  },
  resolveWon: {
    from: CHARGEBACK_CORRECTABLE,
    to: 'reversed',
    by: 'person',
    posts: 'chargeback_reversal',
    tells: 'chargeback.won',
  },
  resolvePartlyWon: {
    from: CHARGEBACK_CORRECTABLE,
    to: 'partly_won',
    by: 'person',
    posts: 'chargeback_reversal',
    tells: 'chargeback.partly_won',
  },
  resolveLost: {
    from: CHARGEBACK_CORRECTABLE,
    to: 'lost',
    by: 'person',
    posts: 'chargeback',
    tells: 'chargeback.lost',
  },
  dismiss: {
    from: ['received', ...CHARGEBACK_CORRECTABLE],
    to: 'dismissed',
    by: 'person',
    posts: 'chargeback_reversal',
    tells: 'chargeback.dismissed',
  },
} as const satisfies Moves<ChargebackState>;

export type ChargebackMove = keyof typeof CHARGEBACK_MOVES;
