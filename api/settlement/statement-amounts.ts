import type { Statement } from '../../domains/settlement';
import { amountText } from '../http/money-schemas';

const AMOUNTS = [
  'opening',
  'grossSales',
  'refunds',
  'chargebacks',
  'adjustments',
  'fees',
  'feeTax',
  'reserveHeld',
  'reserveReleased',
  'net',
  'paidOut',
  'closing',
] as const;

type Amount = (typeof AMOUNTS)[number];

/** The shape of a statement's amounts, in the order in which they add up. */
export const statementAmounts = Object.fromEntries(AMOUNTS.map((name) => [name, amountText])) as Record<
  Amount,
  typeof amountText
>;

/** A statement's amounts as answers show them. */
export function amountsView(statement: Pick<Statement, Amount>): Record<Amount, string> {
  return Object.fromEntries(AMOUNTS.map((name) => [name, String(statement[name])])) as Record<Amount, string>;
}
