import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { BYTE_ORDER_MARK, csvRecord, csvText } from './csv';

/** A record of one empty cell is an empty line, which is not a record. */
const record = fc
  .array(fc.string({ unit: fc.constantFrom('a', '"', ',', '\r', '\n', ' ', 'é', '\u0639', "'") }), {
    minLength: 1,
    maxLength: 6,
  })
  .filter((cells) => cells.length > 1 || cells[0] !== '');

test('what is written is read again, whatever is in the cells', () => {
  fc.assert(
    fc.property(fc.array(record), fc.boolean(), (records, marked) => {
      const text = (marked ? BYTE_ORDER_MARK : '') + records.map(csvRecord).join('');
      const options = { bom: true, record_delimiter: ['\r\n', '\n', '\r'], relax_column_count: true };
      expect(parse(text, options)).toEqual(records);
    }),
  );
});

test('a record ends with CR LF, and only cells that need quotes have them', () => {
  expect(csvRecord(['a', 'b"c', 'd,e', 'f\ng', ' h '])).toBe('a,"b""c","d,e","f\ng", h \r\n');
});

const STARTS = ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '\tx', "|cmd' /C calc'!A0", '\u22121'];
const WIDE = ['＝1+1', '＋1', '－1', '＠SUM(A1)', '｜cmd', '﹦1', '﹢1', '﹣1', '﹫1', '⁼1'];
const HIDDEN = [' =1', '\u00a0=1', '\u200b=1', '\ufeff=1', '\u0000=1', '\u3000＝1'];

test.each([...STARTS, ...WIDE, ...HIDDEN])('%j is guarded against being run as a formula', (text) => {
  expect(csvText(text)).toBe(`'${text}`);
});

test('other texts are left as they are', () => {
  for (const text of ['', 'Tea house', "O'Neill", 'a=b', '0.50', ' x', '茶＝家', '\u200bx', "'=1", '½ - 1'])
    expect(csvText(text)).toBe(text);
});
