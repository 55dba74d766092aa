// Our own, read back by csv-parse in the tests: csv-stringify makes an export of transactions 30 % more expensive and
// leaves a lone CR or LF unquoted.

const NEEDS_QUOTES = /[",\r\n]/;
/** Text that spreadsheets take for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/** The byte order mark, by which some spreadsheets recognise UTF-8. */
export const BYTE_ORDER_MARK = '\uFEFF';

/** A record as RFC 4180 writes it, with its line end. */
export function csvRecord(cells: readonly string[]): string {
  return `${cells.map(quoted).join(',')}\r\n`;
}

/** Text from others, as a cell that no spreadsheet runs as a formula: if it could be one, an apostrophe comes first. */
export function csvText(text: string): string {
  return FORMULA.test(text) ? `'${text}` : text;
}

function quoted(cell: string): string {
  return NEEDS_QUOTES.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
