import type { Move } from './moves';
import type { OrderMove, OrderState } from './order-states';

export const PAYMENT_STATES = [
  'pending',
  'authorised',
  'captured',
  'declined',
  'failed',
  'voided',
  'needs_review',
] as const;
export type PaymentState = (typeof PAYMENT_STATES)[number];

/** States that a workflow moves on from by itself. */
export const PAYMENT_UNDER_WAY = ['pending', 'authorised'] as const satisfies readonly PaymentState[];

/** States in which it is not yet certain whether money was taken. */
const OPEN = [...PAYMENT_UNDER_WAY, 'needs_review'] as const satisfies readonly PaymentState[];

/** What a state means, and the state of the payment's order meanwhile. */
export const PAYMENT_MEANINGS: Readonly<Record<PaymentState, { means: string; order: OrderState }>> = {
  pending: { means: 'under way', order: 'paying' },
  authorised: { means: "the card's bank has promised the money, or the wallet holds it", order: 'paying' },
  captured: { means: 'the money is taken and posted', order: 'paid' },
  declined: {
    means: "by the card's bank, or the wallet has too little; `declineCode` says why. It is not tried again",
    order: 'created',
  },
  failed: { means: 'nothing was taken', order: 'created' },
  voided: { means: 'authorised, could not be captured, and let go', order: 'created' },
  needs_review: {
    means:
      'money may have moved and nobody could tell: look at the provider, then `POST /v1/payments/{id}/resume` or `/resolve`',
    order: 'paying',
  },
};

/** States without money taken. Money that is found later puts such a payment before a person. */
const WITHOUT_MONEY = ['declined', 'failed', 'voided'] as const satisfies readonly PaymentState[];

/** `order`: the move that the payment's order makes. */
export const PAYMENT_MOVES = {
  /** By a card's bank. */
  authorise: { from: ['pending'], to: 'authorised', by: 'workflow' },
  /** In a wallet. */
  hold: { from: ['pending'], to: 'authorised', by: 'workflow', posts: 'wallet_hold' },
  /** A fact, whoever reports it. */
  capture: {
    from: OPEN,
    to: 'captured',
    by: 'workflow',
    posts: 'capture',
    tells: 'payment.captured',
    order: 'settle',
  },
  decline: { from: OPEN, to: 'declined', by: 'workflow', tells: 'payment.declined', order: 'free' },
  fail: { from: OPEN, to: 'failed', by: 'workflow', tells: 'payment.failed', order: 'free' },
  void: { from: OPEN, to: 'voided', by: 'workflow', tells: 'payment.failed', order: 'free' },
  /** Fails a payment that a wallet holds money for; one that needs review still has its hold. */
  release: {
    from: ['authorised', 'needs_review'],
    to: 'failed',
    by: 'workflow',
    posts: 'wallet_release',
    tells: 'payment.failed',
    order: 'free',
  },
  flag: { from: PAYMENT_UNDER_WAY, to: 'needs_review', by: 'workflow', tells: 'payment.needs_review' },
  /** The provider holds money for a payment that had ended without any; its order has gone on. */
  surface: { from: WITHOUT_MONEY, to: 'needs_review', by: 'provider', tells: 'payment.needs_review' },
  /** A second charge is found for a payment that is captured. */
  report: { from: ['captured'], to: 'captured', by: 'provider', tells: 'payment.needs_review' },
  resume: { from: ['needs_review'], to: 'pending', by: 'person' },
  /** Of a payment whose money is still set aside in its wallet. */
  resumeHeld: { from: ['needs_review'], to: 'authorised', by: 'person' },
  resolveCaptured: {
    from: ['needs_review'],
    to: 'captured',
    by: 'person',
    posts: 'capture',
    tells: 'payment.captured',
    order: 'settle',
  },
  resolveVoided: { from: ['needs_review'], to: 'voided', by: 'person', tells: 'payment.failed', order: 'free' },
} as const satisfies Readonly<Record<string, Move<PaymentState> & { order?: OrderMove }>>;

export type PaymentMove = keyof typeof PAYMENT_MOVES;

/** Whether nothing more happens to a payment by itself. */
export function isEnded({ state }: { state: PaymentState }): boolean {
  return !PAYMENT_UNDER_WAY.some((open) => open === state);
}
