import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { BYTE_ORDER_MARK, CsvError, csvRecord, csvText, parseCsv } from './csv';

const cellsOf = (text: string) => [...parseCsv(text)].map(({ cells }) => cells);

/** As csv-parse reads it. */
function cellsByLibrary(text: string): string[][] | 'refused' {
  try {
    const records = parse(text, { bom: true, record_delimiter: ['\r\n', '\n', '\r'], relax_column_count: true });
    return records.filter((cells) => cells.length > 1 || cells[0] !== '');
  } catch {
    return 'refused';
  }
}

/** A record of one empty cell is an empty line, which is not a record. */
const record = fc
  .array(fc.string({ unit: fc.constantFrom('a', '"', ',', '\r', '\n', ' ', 'é', '\u0639', "'") }), {
    minLength: 1,
    maxLength: 6,
  })
  .filter((cells) => cells.length > 1 || cells[0] !== '');

test('what is written is read again, here and by csv-parse, whatever is in the cells', () => {
  fc.assert(
    fc.property(fc.array(record), fc.boolean(), (records, marked) => {
      const text = (marked ? BYTE_ORDER_MARK : '') + records.map(csvRecord).join('');
      expect(cellsOf(text)).toEqual(records);
      expect(cellsByLibrary(text)).toEqual(records);
    }),
  );
});

test('any text is read, or refused, as csv-parse does it', () => {
  const text = fc.string({ unit: fc.constantFrom('a', ',', '"', '\r', '\n', '\r\n', ' ', 'é'), maxLength: 14 });
  const cellsHere = (given: string) => {
    try {
      return cellsOf(given);
    } catch {
      return 'refused';
    }
  };
  fc.assert(
    fc.property(text, (given) => {
      expect(cellsHere(given)).toEqual(cellsByLibrary(given));
    }),
    { numRuns: 2_000 },
  );
});

test('a record ends with CR LF, and only cells that need quotes have them', () => {
  expect(csvRecord(['a', 'b"c', 'd,e', 'f\ng', ' h '])).toBe('a,"b""c","d,e","f\ng", h \r\n');
});

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1'])('%j is guarded against being run as a formula', (text) => {
  expect(csvText(text)).toBe(`'${text}`);
});

test('other texts are left as they are', () => {
  for (const text of ['', 'Tea house', "O'Neill", 'a=b', '0.50']) expect(csvText(text)).toBe(text);
});

test('every line end is understood, and the last one may be missing', () => {
  for (const end of ['\r\n', '\n', '\r']) expect(cellsOf(`a,b${end}c,d`)).toEqual([['a', 'b'], ['c', 'd']]); // biome-ignore format: one line
});

test('records know the line they begin on, also after empty lines and line ends in cells', () => {
  const records = [...parseCsv('a,b\n\n"c\r\nc",d\r\ne,f\n')];
  expect(records.map(({ line }) => line)).toEqual([1, 3, 5]);
});

test.each([
  ['a,b\nc"d,e', 2],
  ['a,b\n"c"d,e', 2],
  ['a,b\n\n"c,d', 3],
  ['"a\nb"x', 2],
])('%j is not CSV, and the line is named', (text, line) => {
  const read = () => cellsOf(text);
  expect(read).toThrow(CsvError);
  expect(read).toThrow(expect.objectContaining({ line }));
});

test('a large cell full of quotes is read in linear time', () => {
  const cell = '"'.repeat(500_000);
  const started = performance.now();
  expect(cellsOf(csvRecord([cell, 'x']))).toEqual([[cell, 'x']]);
  expect(performance.now() - started).toBeLessThan(2_000);
});
