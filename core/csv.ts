// Our own, read back by csv-parse in the tests: csv-stringify makes an export of transactions 30 % more expensive and
// leaves a lone CR or LF unquoted.

const NEEDS_QUOTES = /[",\r\n]/;
/** Where a text could begin for a spreadsheet, which skips blanks and invisible characters. */
const BLANKS = /^[\s\p{Cc}\p{Cf}]+/u;
/** What spreadsheets take for the beginning of a formula, or of a command for another program (`|`). */
const FORMULA = /^[=+\-@|\u2212]/;

/** The byte order mark, by which some spreadsheets recognise UTF-8. */
export const BYTE_ORDER_MARK = '\uFEFF';

/** A record as RFC 4180 writes it, with its line end. */
export function csvRecord(cells: readonly string[]): string {
  return `${cells.map(quoted).join(',')}\r\n`;
}

/** Text from others, as a cell that no spreadsheet runs as a formula: if it could be one, an apostrophe comes first. */
export function csvText(text: string): string {
  if (/^[A-Za-z0-9]/.test(text)) return text;
  // A spreadsheet of a Chinese or Japanese system takes ＝ for =; its other forms (﹦, ⁼) as well, to be sure.
  const first = text.replace(BLANKS, '').slice(0, 1).normalize('NFKC');
  return FORMULA.test(first) || /^[\t\r\n]/.test(text) ? `'${text}` : text;
}

function quoted(cell: string): string {
  return NEEDS_QUOTES.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
