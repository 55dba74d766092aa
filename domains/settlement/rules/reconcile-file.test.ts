import fc from 'fast-check';
import { csvRecord } from '../../../core/csv';
import { CURRENCIES } from '../../../core/currency';
import { formatDecimal } from '../../../core/money';
import { readReconciliationFile } from './reconcile-file';
import type { CsvProfile, LineError } from './reconciliation-line';

async function errorsOf(text: string, profile?: CsvProfile): Promise<LineError[]> {
  const file = await readReconciliationFile(text, profile);
  return file.ok ? [] : file.errors;
}

async function linesOf(text: string, profile?: CsvProfile) {
  const file = await readReconciliationFile(text, profile);
  if (!file.ok) throw new Error(JSON.stringify(file.errors));
  return file.lines.map(({ line, references: [reference], currency, amount }) => [line, reference, currency, amount]);
}

const HEADER = 'reference,currency,amount';

test('a file without types', async () => {
  expect(
    await readReconciliationFile('reference,currency,amount\r\npay_1,EUR,12.50\r\nref_1,eur,-3\r\nx,JPY,700\r\n'),
  ).toEqual({
    ok: true,
    hasKinds: false,
    lines: [
      { line: 2, references: ['pay_1'], kind: undefined, currency: 'EUR', amount: 1250n },
      { line: 3, references: ['ref_1'], kind: undefined, currency: 'EUR', amount: -300n },
      { line: 4, references: ['x'], kind: undefined, currency: 'JPY', amount: 700n },
    ],
  });
});

test('a file with types, its columns in another order and other letters, from a spreadsheet', async () => {
  expect(await readReconciliationFile('\uFEFFType, Amount ,CURRENCY,Reference\nRefund,3.00,KWD,"a,b"\n')).toEqual({
    ok: true,
    hasKinds: true,
    lines: [{ line: 2, references: ['a,b'], kind: 'refund', currency: 'KWD', amount: -3000n }],
  });
});

test('a header alone is a file of a day without transactions', async () => {
  expect(await readReconciliationFile(`${HEADER}\n`)).toEqual({ ok: true, hasKinds: false, lines: [] });
});

test.each([
  ['a sign before and after', `${HEADER}\na,EUR,+100.00\nb,EUR,25.00-\n`],
  ['semicolons and decimal commas', 'reference;currency;amount\na;EUR;100,00\nb;EUR;-25,00\n'],
  ['semicolons and decimal points', 'reference;currency;amount\na;EUR;100.00\nb;EUR;-25.00\n'],
  ['tabs', 'reference\tcurrency\tamount\na\tEUR\t100.00\nb\tEUR\t-25.00\n'],
  ['a byte order mark', `\uFEFF${HEADER}\na,EUR,100.00\nb,EUR,-25.00\n`],
  ['line ends of CR', `${HEADER}\ra,EUR,100.00\rb,EUR,-25.00\r`],
  ['line ends of CR LF and no last one', `${HEADER}\r\na,EUR,100.00\r\nb,EUR,-25.00`],
  ["DOS's end of file", `${HEADER}\r\na,EUR,100.00\r\nb,EUR,-25.00\r\n\u001A`],
  ['delimiters at the end', `${HEADER},,\na,EUR,100.00,,\nb,EUR,-25.00,,\n`],
  ['delimiters at the end of lines only', `${HEADER}\na,EUR,100.00,\nb,EUR,-25.00,\n`],
  ['quotes everywhere', '"reference","currency","amount"\n"a","EUR","100.00"\n"b","EUR","(25.00)"\n'],
])('a dialect with %s is read', async (_name, text) => {
  expect(await linesOf(text)).toEqual([
    [2, 'a', 'EUR', 10_000n],
    [3, 'b', 'EUR', -2_500n],
  ]);
});

test("Excel's line with the delimiter counts as a line", async () => {
  expect(await linesOf('sep=;\r\nreference;currency;amount\r\na;EUR;1,00\r\n')).toEqual([[3, 'a', 'EUR', 100n]]);
});

test('thousands are understood, and one amount that shows the decimal mark explains the others', async () => {
  const german = 'reference;currency;amount\na;EUR;1.234\nb;EUR;1.234,50\nc;JPY;700,00\n';
  expect((await linesOf(german)).map((line) => line[3])).toEqual([123_400n, 123_450n, 700n]);
  const english = `${HEADER}\na,EUR,"1,234"\nb,EUR,"1,234.50"\nc,JPY,700.00\n`;
  expect((await linesOf(english)).map((line) => line[3])).toEqual([123_400n, 123_450n, 700n]);
});

test('where nothing shows the decimal mark, an amount of two readings is refused, and declaring it helps', async () => {
  const text = 'reference;currency;amount\na;EUR;1.234\n';
  expect(await errorsOf(text)).toEqual([{ line: 2, detail: expect.stringMatching(/\?decimal=comma/) }]);
  expect(await linesOf(text, { decimal: ',' })).toEqual([[2, 'a', 'EUR', 123_400n]]);
  expect(await errorsOf(text, { decimal: '.' })).toEqual([{ line: 2, detail: expect.stringMatching(/at most 2/) }]);
});

test('a declared delimiter is taken, whatever the header has more of', async () => {
  const text = 'reference|currency|amount\n"a,b,c,d"|EUR|1.00\n';
  expect(await linesOf(text, { delimiter: 'pipe' })).toEqual([[2, 'a,b,c,d', 'EUR', 100n]]);
  expect(await errorsOf(text, { delimiter: 'comma' })).not.toEqual([]);
});

test.each([
  ['', /header/],
  ['\n\n', /header/],
  ['\u001A', /header/],
  ['reference,amount\na,1', /currency is missing/],
  ['reference,currency,amount,amount\n', /twice/],
  ['reference,currency,amount,tpye\n', /column 4/],
])('the header %j is refused', async (text, detail) => {
  expect(await errorsOf(text)).toEqual(expect.arrayContaining([{ line: 1, detail: expect.stringMatching(detail) }]));
});

test.each([
  [',EUR,1', /reference is empty/],
  [`${'x'.repeat(256)},EUR,1`, /longer than 255/],
  ['a\uFFFD,EUR,1', /UTF-8/],
  ['a\0,EUR,1', /UTF-8/],
  ['a,EURO,1', /ISO 4217/],
  ['a,EUR,12.345', /at most 2 decimals/],
  ['a,JPY,1.5', /at most 0 decimals/],
  ['a,EUR,1e3', /amount/],
  ['a,EUR,"1,5"', /amount/],
  ['a,EUR,', /amount/],
  ['a,EUR,99999999999999999999', /too large/],
  ['a,EUR', /has 2 cells/],
  ['a,EUR,1,x', /has 4 cells/],
  ['a,EUR,"1', /no end/],
  ['a"b,EUR,1', /quote/],
])('the line %j is refused, with its number', async (line, detail) => {
  expect(await errorsOf(`reference,currency,amount\nok,EUR,1.00\n${line}\n`)).toEqual([
    { line: 3, detail: expect.stringMatching(detail) },
  ]);
});

test('a line is counted from where its record begins, after line ends in quotes and empty lines', async () => {
  const text = `${HEADER}\n\n"a\nb",EUR,1.00\n\n"c\r\nd",EUR,1.00\n`;
  expect((await linesOf(text)).map(([line]) => line)).toEqual([3, 6]);
  expect(await errorsOf(`${text}\n"x`)).toEqual([{ line: 9, detail: expect.stringMatching(/no end/) }]);
});

test('an unknown type is refused', async () => {
  expect(await errorsOf('reference,currency,amount,type\na,EUR,1,sale\n')).toEqual([
    { line: 2, detail: expect.stringMatching(/type is none of capture, refund/) },
  ]);
});

test('every bad line is named, up to fifty', async () => {
  const text = `reference,currency,amount\n${'a,EUR,x\nb,EUR,1\n'.repeat(60)}`;
  const errors = await errorsOf(text);
  expect(errors).toHaveLength(50);
  expect(errors.slice(0, 3).map(({ line }) => line)).toEqual([2, 4, 6]);
});

test('others are served while a large file is read', async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  await linesOf(`${HEADER}\n${'pay_1,EUR,12.50\n'.repeat(100_000)}`);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(5);
});

test('amounts of every currency come back to the last minor unit', async () => {
  const lines = fc.array(
    fc.record({ currency: fc.constantFrom(...CURRENCIES), amount: fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }) }),
  );
  await fc.assert(
    fc.asyncProperty(lines, async (given) => {
      const records = given.map(({ currency, amount }, index) =>
        csvRecord([`ref ${index}`, currency, formatDecimal(amount, currency)]),
      );
      const file = await readReconciliationFile(csvRecord(['reference', 'currency', 'amount']) + records.join(''), {
        decimal: '.',
      });
      expect(file.ok && file.lines.map(({ currency, amount }) => ({ currency, amount }))).toEqual(given);
    }),
  );
});
