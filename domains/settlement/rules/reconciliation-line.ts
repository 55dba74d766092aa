import type { Delimiter } from './csv-records';
import type { DecimalMark } from './line-amount';
import type { ReconciledKind } from './reconcile';

/** What a bank's or provider's file says of one transaction. */
export interface ReconciliationLine {
  /** In CSV the line of the file, in camt.053 the transaction's number, from 1. */
  line: number;
  /** What the file names it by, the most telling first; never empty. */
  references: readonly [string, ...string[]];
  /** Undefined in a file that has no types. */
  kind: ReconciledKind | undefined;
  currency: string;
  /** Minor units, signed as the merchant sees it. */
  amount: bigint;
}

/** What is wrong with a line of a file. */
export interface LineError {
  line: number;
  detail: string;
}

export type ReconciliationFile =
  | { ok: true; lines: ReconciliationLine[]; hasKinds: boolean }
  | { ok: false; errors: LineError[] };

/** How a CSV file is written, where its sender says so. What is not said is found out. */
export interface CsvProfile {
  delimiter?: Delimiter | undefined;
  decimal?: DecimalMark | undefined;
}

/** How many errors of a file are told. */
export const MAX_ERRORS = 50;
/** The longest reference that is taken. */
export const MAX_REFERENCE = 255;
/** NUL cannot be stored; the replacement character marks what could not be read. */
export const UNREADABLE = /[\0\uFFFD]/;
