import { createTotalsHash } from '../../../core/totals-hash';
import type { Statement } from './statement';

/** What a completed settlement came to in one currency, in minor units. */
export interface DayTotals {
  currency: string;
  merchants: number;
  grossSales: string;
  refunds: string;
  chargebacks: string;
  fees: string;
  feeTax: string;
  net: string;
  paidOut: string;
}

/** What a completed settlement came to. */
export interface DaySummary {
  /** SHA-256 over all statements, in hex. */
  totalsHash: string;
  /** How many transactions, and how many of them late. */
  items: string;
  late: string;
  /** How many merchants could not be settled, and wait. */
  setAside: number;
  totals: DayTotals[];
}

/** Adds up the statements of a day. */
export interface DaySums {
  /** Takes the next statement, in the order of merchant and currency. */
  add(statement: Statement): void;
  /** @returns the sums by currency, and the hash */
  result(): Pick<DaySummary, 'totalsHash' | 'totals'>;
}

/** The hashed fields, in order. They never change: hashes of settled days are kept for ever. */
const HASHED = [
  'merchantId',
  'currency',
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
  'itemCount',
  'lateCount',
] as const satisfies readonly (keyof Statement)[];

interface Sums {
  merchants: number;
  grossSales: bigint;
  refunds: bigint;
  chargebacks: bigint;
  fees: bigint;
  feeTax: bigint;
  net: bigint;
  paidOut: bigint;
}

/** Begins to add up a day. */
export function sumUpDay(): DaySums {
  const hash = createTotalsHash();
  const byCurrency = new Map<string, Sums>();
  return {
    add(statement) {
      hash.add(HASHED.map((name) => statement[name]));
      const sums = byCurrency.get(statement.currency);
      if (sums === undefined) byCurrency.set(statement.currency, firstOf(statement));
      else addTo(sums, statement);
    },
    result: () => ({
      totalsHash: hash.digest(),
      totals: [...byCurrency].sort(([a], [b]) => (a < b ? -1 : 1)).map(([currency, sums]) => totalsOf(currency, sums)),
    }),
  };
}

function firstOf({ grossSales, refunds, chargebacks, fees, feeTax, net, paidOut }: Statement): Sums {
  return { merchants: 1, grossSales, refunds, chargebacks, fees, feeTax, net, paidOut };
}

function addTo(sums: Sums, statement: Statement): void {
  sums.merchants += 1;
  sums.grossSales += statement.grossSales;
  sums.refunds += statement.refunds;
  sums.chargebacks += statement.chargebacks;
  sums.fees += statement.fees;
  sums.feeTax += statement.feeTax;
  sums.net += statement.net;
  sums.paidOut += statement.paidOut;
}

function totalsOf(currency: string, { merchants, ...sums }: Sums): DayTotals {
  return {
    currency,
    merchants,
    grossSales: String(sums.grossSales),
    refunds: String(sums.refunds),
    chargebacks: String(sums.chargebacks),
    fees: String(sums.fees),
    feeTax: String(sums.feeTax),
    net: String(sums.net),
    paidOut: String(sums.paidOut),
  };
}
