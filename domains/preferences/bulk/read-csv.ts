import { pipeline } from 'node:stream/promises';
import { parse } from 'csv-parse';
import { codeOf } from '../../../core/error-code';
import { PreferenceRefusal } from '../refusals';
import { type FileColumns, type FileFault, type GivenRow, isFault, readCells, readHeader } from '../rules/bulk-rows';

/** A quote that nobody closes must not gather the rest of a file. */
const MAX_RECORD_BYTES = 16_384;

/**
 * Reads rows of CSV (RFC 4180, UTF-8, with or without a byte order mark) as they arrive: no more than a few chunks are in
 * memory, and the sender waits for who takes the rows. Empty lines are left out.
 *
 * @throws PreferenceRefusal at the first place that is not CSV, or does not fit the header; whatever reading `chunks` throws
 */
export async function* readCsvRows(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<GivenRow> {
  const parser = parse({
    max_record_size: MAX_RECORD_BYTES,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_empty_lines: true,
  });
  let row = 0;
  // What goes wrong there ends the parser with it.
  pipeline(chunks, decoded, parser).catch(() => undefined);
  let columns: FileColumns | undefined;
  try {
    for await (const cells of parser as AsyncIterable<string[]>) {
      row++;
      if (columns === undefined) {
        const header = readHeader(cells);
        if (isFault(header)) throw refused(header);
        columns = header;
        continue;
      }
      const given = readCells(cells, columns, row);
      if (isFault(given)) throw refused(given);
      yield given;
    }
  } catch (error) {
    // Records that were read may be lost with the parser, so it has to say itself how many there were.
    throw faultOf(error, parser.info.records + 1) ?? error;
  }
}

async function* decoded(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for await (const chunk of chunks) {
    try {
      yield decoder.decode(chunk, { stream: true });
    } catch (error) {
      // What is right before it is read, so that the row is named.
      yield new TextDecoder().decode(chunk).split('\ufffd', 1)[0] ?? '';
      throw error;
    }
  }
  yield decoder.decode();
}

const FAULTS: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'A cell in quotes has no end.',
  CSV_INVALID_CLOSING_QUOTE: 'A quote must begin a cell and end it, and be doubled inside.',
  INVALID_OPENING_QUOTE: 'A quote must begin a cell and end it, and be doubled inside.',
  CSV_MAX_RECORD_SIZE: `It has more than ${MAX_RECORD_BYTES} characters; is a quote not closed?`,
  ERR_ENCODING_INVALID_ENCODED_DATA: 'It is not UTF-8, here or soon after.',
};

/** @param row - the record that was being read */
function faultOf(error: unknown, row: number): PreferenceRefusal | undefined {
  const detail = FAULTS[codeOf(error)];
  if (detail === undefined) return undefined;
  const { column } = error as { column?: unknown };
  return refused({ row, column: typeof column === 'number' ? column + 1 : 1, detail });
}

function refused({ row, column, detail }: FileFault): PreferenceRefusal {
  const field = ['rows', String(row), String(column)];
  return new PreferenceRefusal('unusable-csv', `row ${row}, column ${column}: ${detail}`, { field });
}
