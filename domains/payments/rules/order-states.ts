import type { Moves } from './moves';

export const ORDER_STATES = ['created', 'paying', 'paid', 'partially_refunded', 'refunded', 'cancelled'] as const;
export type OrderState = (typeof ORDER_STATES)[number];

export const ORDER_MOVES = {
  pay: { from: ['created'], to: 'paying', by: 'request' },
  /** Its payment took no money. */
  free: { from: ['paying'], to: 'created', by: 'workflow' },
  settle: { from: ['paying'], to: 'paid', by: 'workflow' },
  refundPart: { from: ['paid', 'partially_refunded'], to: 'partially_refunded', by: 'workflow' },
  refundAll: { from: ['paid', 'partially_refunded'], to: 'refunded', by: 'workflow' },
  /** A refund failed after it had succeeded, or was less than it seemed. */
  restorePart: { from: ['partially_refunded', 'refunded'], to: 'partially_refunded', by: 'provider' },
  restoreAll: { from: ['partially_refunded', 'refunded'], to: 'paid', by: 'provider' },
  /** Cancelling again is no error. */
  cancel: { from: ['created', 'cancelled'], to: 'cancelled', by: 'request' },
} as const satisfies Moves<OrderState>;

export type OrderMove = keyof typeof ORDER_MOVES;
