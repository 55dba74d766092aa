import { markdownTable } from '../../../core/markdown-table';
import { CHARGEBACK_MOVES } from './chargeback-states';
import type { Move } from './moves';
import { ORDER_MOVES } from './order-states';
import { PAYMENT_MEANINGS, PAYMENT_MOVES, PAYMENT_STATES } from './payment-states';
import { REFUND_MOVES } from './refund-states';

const code = (text: string) => `\`${text}\``;

/** A markdown table of the states of a payment, for docs/payments.md. */
export function describePaymentStates(): string {
  const rows = PAYMENT_STATES.map((state) => {
    const { means, order } = PAYMENT_MEANINGS[state];
    return [code(state), means, code(order)];
  });
  return markdownTable([['payment', '', 'its order'], ...rows]);
}

/** A markdown table of every transition, for docs/payments.md. */
export function describeMoves(): string {
  const moves: Readonly<Record<string, Readonly<Record<string, Move<string>>>>> = {
    payment: PAYMENT_MOVES,
    order: ORDER_MOVES,
    refund: REFUND_MOVES,
    chargeback: CHARGEBACK_MOVES,
  };
  const rows = Object.entries(moves).flatMap(([what, ofIt]) =>
    Object.entries(ofIt).map(([move, { from, to, by, posts, tells }]) => [
      what,
      move,
      from.map(code).join(', '),
      code(to),
      by,
      posts === undefined ? '' : code(posts),
      tells === undefined ? '' : code(tells),
    ]),
  );
  return markdownTable([['', 'move', 'from', 'to', 'by', 'posted as', 'event'], ...rows]);
}
