import { setImmediate as nextTurn } from 'node:timers/promises';
import { type CsvError as ParserError, parse } from 'csv-parse';

/** What separates cells, by the name that a request gives it. */
export const DELIMITERS = { comma: ',', semicolon: ';', tab: '\t', pipe: '|' } as const;
export type Delimiter = keyof typeof DELIMITERS;

/** A record of a CSV file. */
export interface CsvRecord {
  /** The line it begins on, from 1. */
  line: number;
  cells: string[];
}

/** What is wrong with a CSV text, and where. */
export class CsvError extends Error {
  override name = 'CsvError';

  constructor(
    readonly line: number,
    message: string,
  ) {
    super(message);
  }
}

/** A turn's work: 64 KiB take about 5 ms. */
const CHUNK = 65_536;
/** Excel writes its delimiter into a line of its own. */
const DECLARED = /^\uFEFF?sep=([,;|\t])(?=\r|\n|$)/i;
/** What DOS and its heirs put behind the text. */
const END_OF_FILE = '\u001A';

/**
 * Reads a CSV text record by record, with any line end, with or without a byte order mark and DOS's end of file. Empty
 * lines are left out. A large file is read in turns, so that others are served meanwhile.
 *
 * @param delimiter - found out from the first line when it is not given
 * @param take - is given each record; reading ends when it returns false
 * @throws CsvError at the first place that is not CSV
 */
export async function readCsv(
  text: string,
  delimiter: Delimiter | undefined,
  take: (record: CsvRecord) => boolean,
): Promise<void> {
  const declared = DECLARED.exec(text);
  // The line stays, empty, so that others keep their numbers.
  const rest = text.slice(declared?.[0].length ?? 0).trimEnd();
  const body = rest.endsWith(END_OF_FILE) ? rest.slice(0, -1) : rest;
  const mark = delimiter === undefined ? (declared?.[1] ?? delimiterOf(body)) : DELIMITERS[delimiter];
  let done = false;
  let line = 1;
  let failure: unknown;
  // Told to count lines, the parser takes three times as long, and counts CR LF in a cell as two.
  const parser = parse({
    bom: true,
    delimiter: mark,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
  });
  parser.on('data', (cells: string[]) => {
    const empty = cells.length === 1 && cells[0] === '';
    if (!empty) done ||= !take({ line, cells });
    line += 1 + lineEndsIn(cells);
  });
  const ended = new Promise<void>((resolve) => {
    parser.once('end', resolve);
    parser.once('error', (error) => {
      failure = error;
      resolve();
    });
  });
  for (let at = 0; at < body.length && !done && failure === undefined; at += CHUNK) {
    parser.write(body.slice(at, at + CHUNK));
    await nextTurn();
  }
  if (!done && failure === undefined) {
    parser.end();
    await ended;
  }
  parser.destroy();
  if (failure !== undefined) throw csvError(failure, line);
}

/** The delimiter that the first line has most of, outside of quotes. */
function delimiterOf(text: string): string {
  const [header = ''] = text.replace(/^\uFEFF?[\r\n]*/, '').split(/[\r\n]/, 1);
  const bare = header.replace(/"[^"]*"/g, '');
  const counts = Object.values(DELIMITERS).map((mark) => ({ mark, count: bare.split(mark).length }));
  return counts.reduce((best, one) => (one.count > best.count ? one : best)).mark;
}

function lineEndsIn(cells: readonly string[]): number {
  let count = 0;
  for (const cell of cells) if (/[\r\n]/.test(cell)) count += cell.split(/\r\n|\n|\r/).length - 1;
  return count;
}

const QUOTES: readonly (string | undefined)[] = ['INVALID_OPENING_QUOTE', 'CSV_INVALID_CLOSING_QUOTE'];

/** @param line - where the record that is wrong begins; the parser may name the end of the text */
function csvError(error: unknown, line: number): unknown {
  const { code } = error as Partial<ParserError>;
  if (code === 'CSV_QUOTE_NOT_CLOSED') return new CsvError(line, 'a cell in quotes has no end');
  if (!QUOTES.includes(code)) return error;
  return new CsvError(line, 'a quote must begin a cell and end it, and be doubled inside');
}
