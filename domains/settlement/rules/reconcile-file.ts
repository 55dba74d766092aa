import { CsvError, type CsvRecord, parseCsv } from '../../../core/csv';
import { exponentOf } from '../../../core/currency';
import { parseDecimal } from '../../../core/money';
import { ITEM_KINDS, type ItemKind, signedAmount } from './reconcile';

/** What a bank's or provider's file says of one transaction. */
export interface ReconciliationLine {
  line: number;
  reference: string;
  /** Undefined in a file that has no types. */
  kind: ItemKind | undefined;
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

const REQUIRED = ['reference', 'currency', 'amount'];
const COLUMNS = [...REQUIRED, 'type'];
const MAX_ERRORS = 50;
const MAX_REFERENCE = 255;
/** NUL cannot be stored; the replacement character marks what was not UTF-8. */
const UNREADABLE = /[\0\uFFFD]/;

/**
 * Reads a file: a header of `reference`, `currency`, `amount` and optionally `type`, in any order, then one line per
 * transaction. An amount is an exact decimal in major units, signed as the merchant sees it; with a type, refunds and
 * chargebacks may also be written without a sign.
 *
 * @returns every line, or what is wrong, line by line, at most 50 entries
 */
export function readReconciliationFile(text: string): ReconciliationFile {
  const errors: LineError[] = [];
  const lines: ReconciliationLine[] = [];
  let columns: Map<string, number> | undefined;
  try {
    for (const record of parseCsv(text)) {
      if (columns === undefined) {
        columns = columnsOf(record, errors);
        if (errors.length > 0) break;
      } else {
        const line = lineOf(record, columns);
        if ('detail' in line) errors.push(line);
        else lines.push(line);
        if (errors.length === MAX_ERRORS) break;
      }
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    errors.push({ line: error.line, detail: error.message });
  }
  if (columns === undefined && errors.length === 0) {
    errors.push({ line: 1, detail: `expected a header with the columns ${REQUIRED.join(', ')}` });
  }
  return errors.length > 0 ? { ok: false, errors } : { ok: true, lines, hasKinds: columns?.has('type') === true };
}

function columnsOf({ line, cells }: CsvRecord, errors: LineError[]): Map<string, number> {
  const columns = new Map<string, number>();
  cells.forEach((cell, index) => {
    const name = cell.trim().toLowerCase();
    if (columns.has(name)) errors.push({ line, detail: `the column ${name} is there twice` });
    else if (COLUMNS.includes(name)) columns.set(name, index);
    else errors.push({ line, detail: `column ${index + 1} is none of ${COLUMNS.join(', ')}` });
  });
  for (const name of REQUIRED) {
    if (!columns.has(name)) errors.push({ line, detail: `the column ${name} is missing` });
  }
  return columns;
}

function lineOf({ line, cells }: CsvRecord, columns: Map<string, number>): ReconciliationLine | LineError {
  if (cells.length !== columns.size) return { line, detail: `has ${cells.length} cells, the header ${columns.size}` };
  const cell = (name: string) => cells[columns.get(name) ?? -1]?.trim() ?? '';

  const reference = cell('reference');
  if (reference === '') return { line, detail: 'reference is empty' };
  if (reference.length > MAX_REFERENCE) return { line, detail: `reference is longer than ${MAX_REFERENCE} characters` };
  if (UNREADABLE.test(reference)) return { line, detail: 'reference is not UTF-8 text' };

  const currency = cell('currency').toUpperCase();
  const exponent = exponentOf(currency);
  if (exponent === undefined) return { line, detail: 'currency is not an ISO 4217 code' };

  const amount = parseDecimal(cell('amount'), currency);
  if (amount === undefined) {
    return { line, detail: `amount is not a number such as -12.5 with at most ${exponent} decimals` };
  }
  if (!columns.has('type')) return { line, reference, kind: undefined, currency, amount };

  const type = cell('type').toLowerCase();
  const kind = ITEM_KINDS.find((known) => known === type);
  if (kind === undefined) return { line, detail: `type is none of ${ITEM_KINDS.join(', ')}` };
  return { line, reference, kind, currency, amount: signedAmount(kind, amount) };
}
