import fc from 'fast-check';
import { CHARGEBACK_MOVES, CHARGEBACK_STATES, CHARGEBACK_UNDER_WAY } from './chargeback-states';
import { allows, type Move, type Moves } from './moves';
import { ORDER_MOVES, ORDER_STATES, type OrderMove, type OrderState } from './order-states';
import {
  isEnded,
  PAYMENT_MEANINGS,
  PAYMENT_MOVES,
  PAYMENT_STATES,
  PAYMENT_UNDER_WAY,
  type PaymentMove,
  type PaymentState,
} from './payment-states';
import {
  isRefundEnded,
  REFUND_MOVES,
  REFUND_STATES,
  REFUND_UNDER_WAY,
  type RefundMove,
  type RefundState,
} from './refund-states';

interface Kind {
  what: string;
  states: readonly string[];
  first: string;
  /** States that a workflow moves on from; the sweep looks for them. */
  underWay: readonly string[];
  /** Final states. */
  ends: readonly string[];
  moves: Moves<string>;
}

const KINDS: readonly Kind[] = [
  {
    what: 'payment',
    states: PAYMENT_STATES,
    first: 'pending',
    underWay: PAYMENT_UNDER_WAY,
    ends: ['captured', 'declined', 'failed', 'voided'],
    moves: PAYMENT_MOVES,
  },
  {
    what: 'refund',
    states: REFUND_STATES,
    first: 'pending',
    underWay: REFUND_UNDER_WAY,
    ends: ['succeeded', 'failed', 'written_off'],
    moves: REFUND_MOVES,
  },
  {
    what: 'chargeback',
    states: CHARGEBACK_STATES,
    first: 'received',
    underWay: CHARGEBACK_UNDER_WAY,
    ends: ['reversed', 'partly_won', 'lost', 'dismissed'],
    moves: CHARGEBACK_MOVES,
  },
  {
    what: 'order',
    states: ORDER_STATES,
    first: 'created',
    underWay: [],
    ends: ['refunded', 'cancelled'],
    moves: ORDER_MOVES,
  },
];

/** The states that some moves can reach from one, itself included. */
function reachable(moves: Moves<string>, first: string): Set<string> {
  const found = new Set([first]);
  for (const state of found) {
    for (const move of Object.values(moves)) if (allows(move, state)) found.add(move.to);
  }
  return found;
}

/** The states of a set that a move leaves for another state without a report of the provider or a person's decision. */
const withExit = (moves: Moves<string>, states: readonly string[]) =>
  states.filter((state) =>
    Object.values(moves).some(
      (move) => allows(move, state) && move.to !== state && (move.by === 'workflow' || move.by === 'request'),
    ),
  );

describe.each(KINDS)('$what', ({ states, first, underWay, ends, moves }) => {
  test('every state is reached, and no other is named', () => {
    expect([...reachable(moves, first)].sort()).toEqual([...states].sort());
    expect(Object.values(moves).flatMap(({ from }) => from.filter((state) => !states.includes(state)))).toEqual([]);
  });

  test('nothing but what the provider reports leads out of what has ended', () => {
    const ours = Object.fromEntries(Object.entries(moves).filter(([, { by }]) => by !== 'provider'));
    expect(withExit(ours, ends)).toEqual([]);
  });

  test('what is under way, or needs review, can come to an end', () => {
    const open = [...underWay, ...states.filter((state) => state === 'needs_review')];
    for (const state of open) {
      expect([...reachable(moves, state)].some((reached) => ends.includes(reached))).toBe(true);
    }
  });

  test('what is under way can be handed to people', () => {
    for (const state of underWay) {
      expect(Object.values(moves).some((move) => allows(move, state) && move.to === 'needs_review')).toBe(true);
    }
  });
});

test('a payment that has ended, or waits for people, has nothing happen to it by itself', () => {
  expect(PAYMENT_STATES.filter((state) => isEnded({ state }))).toEqual([
    'captured',
    'declined',
    'failed',
    'voided',
    'needs_review',
  ]);
});

test('whatever moves are tried in whatever order, the order of a payment is in the state that its payment says', () => {
  const names = Object.keys(PAYMENT_MOVES) as PaymentMove[];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...names), { maxLength: 12 }), (tried) => {
      let payment: PaymentState = 'pending';
      let order: OrderState = ORDER_MOVES.pay.to;
      for (const name of tried) {
        const move: Move<PaymentState> & { order?: OrderMove } = PAYMENT_MOVES[name];
        // From then on its order goes its own way.
        if (name === 'surface' || !allows(move, payment)) continue;
        payment = move.to;
        if (move.order === undefined) continue;
        const ofOrder: Move<OrderState> = ORDER_MOVES[move.order];
        expect(allows(ofOrder, order)).toBe(true);
        order = ofOrder.to;
      }
      expect(order).toBe(PAYMENT_MEANINGS[payment].order);
    }),
  );
});

test('whatever moves are tried in whatever order, a refund that has ended moves again only by the provider', () => {
  const names = Object.keys(REFUND_MOVES) as RefundMove[];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...names), { maxLength: 20 }), (tried) => {
      let refund: RefundState = 'pending';
      /** Whether the ledger says that it went back. */
      let booked = false;
      for (const name of tried) {
        const move: Move<RefundState> = REFUND_MOVES[name];
        if (!allows(move, refund)) continue;
        const hasEnded = isRefundEnded({ state: refund }) && refund !== 'needs_review';
        if (hasEnded) expect(move.by).toBe('provider');
        if (move.posts === 'refund') booked = true;
        if (move.posts === 'refund_reversal' || move.posts === 'refund_write_off') booked = false;
        refund = move.to;
        expect(isRefundEnded({ state: refund })).toBe(move.tells !== undefined);
        if (refund === 'succeeded') expect(booked).toBe(true);
        if (refund === 'written_off') expect(booked).toBe(false);
      }
    }),
  );
});
