import { exponentOf } from '../../../core/currency';
import { CsvError, type CsvRecord, readCsv } from './csv-records';
import { type DecimalMark, markShownBy, readAmount, type Unreadable } from './line-amount';
import { RECONCILED_KINDS, signedAmount } from './reconcile';
import {
  type CsvProfile,
  type LineError,
  MAX_ERRORS,
  MAX_REFERENCE,
  type ReconciliationFile,
  type ReconciliationLine,
  UNREADABLE,
} from './reconciliation-line';

const REQUIRED = ['reference', 'currency', 'amount'];
const COLUMNS = [...REQUIRED, 'type'];

/** A line whose amount is not read yet: what its marks mean may show further down. */
interface RawLine extends Omit<ReconciliationLine, 'amount'> {
  exponent: number;
  written: string;
}

/**
 * Reads CSV: a header of `reference`, `currency`, `amount` and optionally `type`, in any order, then one line per
 * transaction. An amount is an exact decimal in major units, signed as the merchant sees it; with a type, refunds,
 * chargebacks and payouts may also be written without a sign.
 */
export async function readCsvLines(text: string, profile: CsvProfile): Promise<ReconciliationFile> {
  const errors: LineError[] = [];
  const raw: RawLine[] = [];
  let columns: Columns | undefined;
  try {
    await readCsv(text, profile.delimiter, (record) => {
      if (columns === undefined) {
        columns = columnsOf(record, errors);
        return errors.length === 0;
      }
      const line = lineOf(record, columns);
      if ('detail' in line) errors.push(line);
      else raw.push(line);
      return errors.length < MAX_ERRORS;
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    errors.push({ line: error.line, detail: error.message });
  }
  if (columns === undefined && errors.length === 0) {
    errors.push({ line: 1, detail: `expected a header with the columns ${REQUIRED.join(', ')}` });
  }
  const lines = withAmounts(raw, profile.decimal, errors);
  if (errors.length > 0) return { ok: false, errors: errors.sort((a, b) => a.line - b.line).slice(0, MAX_ERRORS) };
  return { ok: true, lines, hasKinds: columns?.places.has('type') === true };
}

interface Columns {
  places: Map<string, number>;
  /** How many the header has, without empty ones at its end. */
  count: number;
}

function columnsOf({ line, cells: all }: CsvRecord, errors: LineError[]): Columns {
  const cells = withoutEmptyEnd(all, 0);
  const places = new Map<string, number>();
  cells.forEach((cell, index) => {
    const name = cell.trim().toLowerCase();
    if (places.has(name)) errors.push({ line, detail: `the column ${name} is there twice` });
    else if (COLUMNS.includes(name)) places.set(name, index);
    else errors.push({ line, detail: `column ${index + 1} is none of ${COLUMNS.join(', ')}` });
  });
  for (const name of REQUIRED) {
    if (!places.has(name)) errors.push({ line, detail: `the column ${name} is missing` });
  }
  return { places, count: cells.length };
}

/** Spreadsheets write a delimiter for every column that was ever used. */
function withoutEmptyEnd(cells: readonly string[], least: number): readonly string[] {
  let end = cells.length;
  while (end > least && cells[end - 1]?.trim() === '') end--;
  return cells.slice(0, end);
}

function lineOf({ line, cells: all }: CsvRecord, { places, count }: Columns): RawLine | LineError {
  const cells = withoutEmptyEnd(all, count);
  if (cells.length !== count) return { line, detail: `has ${cells.length} cells, the header ${count}` };
  const cell = (name: string) => cells[places.get(name) ?? -1]?.trim() ?? '';

  const reference = cell('reference');
  if (reference === '') return { line, detail: 'reference is empty' };
  if (reference.length > MAX_REFERENCE) return { line, detail: `reference is longer than ${MAX_REFERENCE} characters` };
  if (UNREADABLE.test(reference)) return { line, detail: 'reference is not text in UTF-8 or the declared charset' };

  const currency = cell('currency').toUpperCase();
  const exponent = exponentOf(currency);
  if (exponent === undefined) return { line, detail: 'currency is not an ISO 4217 code' };

  const known = { line, references: [reference] as const, currency, exponent, written: cell('amount') };
  if (!places.has('type')) return { ...known, kind: undefined };
  const type = cell('type').toLowerCase();
  const kind = RECONCILED_KINDS.find((one) => one === type);
  return kind === undefined ? { line, detail: `type is none of ${RECONCILED_KINDS.join(', ')}` } : { ...known, kind };
}

function withAmounts(raw: readonly RawLine[], declared: DecimalMark | undefined, errors: LineError[]) {
  const mark = declared ?? raw.map(({ written }) => markShownBy(written)).find((shown) => shown !== undefined);
  const lines: ReconciliationLine[] = [];
  for (const { exponent, written, ...line } of raw) {
    const amount = readAmount(written, exponent, mark);
    if (typeof amount === 'bigint') lines.push({ ...line, amount: signedAmount(line.kind, amount) });
    else errors.push({ line: line.line, detail: complaint(amount, exponent, mark) });
    if (errors.length >= MAX_ERRORS) break;
  }
  return lines;
}

function complaint(why: Unreadable, exponent: number, mark: DecimalMark | undefined): string {
  const number = `a number such as -12${mark ?? '.'}5 with at most ${exponent} decimals`;
  if (why === 'either') {
    return `amount is not ${number}: its mark may stand before decimals or between thousands; say which by ?decimal=point or ?decimal=comma`;
  }
  if (why === 'too-large') return 'amount is too large';
  const of = mark === ',' ? '; the file, or the request, has a comma before decimals' : '';
  return `amount is not ${number}${of}`;
}
