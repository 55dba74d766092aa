import type { PublicId } from '../../../core/ids';
import type { ItemKind } from './reconcile';

/** A day that was settled, or is held for review. */
export interface SettledDay {
  runId: PublicId;
  /** `YYYY-MM-DD` */
  date: string;
  timeZone: string;
  periodStart: Date;
  periodEnd: Date;
  /** A day held for review may still change. */
  state: 'completed' | 'needs_review';
  /** When the run ended. */
  settledAt: Date;
}

/** A merchant's statement for a day and a currency, in minor units, signed as the merchant sees it; fees are positive. */
export interface Statement {
  merchantId: PublicId;
  currency: string;
  opening: bigint;
  grossSales: bigint;
  refunds: bigint;
  chargebacks: bigint;
  adjustments: bigint;
  fees: bigint;
  feeTax: bigint;
  reserveHeld: bigint;
  reserveReleased: bigint;
  net: bigint;
  paidOut: bigint;
  closing: bigint;
  itemCount: bigint;
  lateCount: bigint;
}

/** A statement with the merchant's name, for readers outside Waybill. */
export interface NamedStatement extends Statement {
  merchantName: string;
  /** What the payout is called at banks, if there is one. */
  payoutReference?: string | undefined;
}

/** A transaction of a statement, signed likewise. */
export interface StatementTransaction {
  id: PublicId;
  merchantId: PublicId;
  currency: string;
  kind: ItemKind;
  /** What it was made for, such as a payment's id. */
  reference: string;
  /** The tenant's own number for the order. */
  orderReference?: string | undefined;
  /** What the provider calls it. */
  providerReference?: string | undefined;
  gross: bigint;
  fee: bigint;
  feeTax: bigint;
  net: bigint;
  effectiveAt: Date;
  /** It belongs to an earlier day, but came in after that one was settled. */
  late: boolean;
}

/** A step from a statement's opening to its closing; negative when it reduces what is owed. */
export interface Movement {
  code: string;
  amount: bigint;
}

/** Movements that are not transactions: `opening + Σ net of transactions + Σ these = closing`. */
export function balanceMovements(statement: Statement): Movement[] {
  return nonZero([
    { code: 'RESERVE_HELD', amount: -statement.reserveHeld },
    { code: 'RESERVE_RELEASED', amount: statement.reserveReleased },
    { code: 'PAYOUT', amount: -statement.paidOut },
  ]);
}

/** All movements, with transactions summed up by kind: `opening + Σ these = closing`. */
export function allMovements(statement: Statement): Movement[] {
  return nonZero([
    { code: 'SALES', amount: statement.grossSales },
    { code: 'REFUNDS', amount: statement.refunds },
    { code: 'CHARGEBACKS', amount: statement.chargebacks },
    { code: 'ADJUSTMENTS', amount: statement.adjustments },
    { code: 'FEES', amount: -statement.fees },
    { code: 'FEE_TAX', amount: -statement.feeTax },
    ...balanceMovements(statement),
  ]);
}

/** Statements in parts of at most so many transactions, or of a single statement. */
export function inParts<S extends Pick<Statement, 'itemCount'>>(statements: readonly S[], maxItems: bigint): S[][] {
  const parts: S[][] = [];
  let items = maxItems;
  for (const statement of statements) {
    const part = parts.at(-1);
    items += statement.itemCount;
    if (part !== undefined && items <= maxItems) {
      part.push(statement);
    } else {
      parts.push([statement]);
      items = statement.itemCount;
    }
  }
  return parts;
}

function nonZero(movements: Movement[]): Movement[] {
  return movements.filter(({ amount }) => amount !== 0n);
}
