import fc from 'fast-check';
import { isFault, readBulkRow, readCells, readHeader } from './bulk-rows';

test.each([
  [{ address: 'a@b.de' }, { channel: 'email', scope: '*', expiresAt: null, problem: undefined }],
  [
    { address: 'a@b.de', channel: '', scope: ' ', expiresAt: '' },
    { channel: 'email', scope: '*', problem: undefined },
  ],
  [
    { address: '+49301234567', channel: ' SMS ' },
    { channel: 'sms', problem: undefined },
  ],
  [
    { address: 'a@b.de', scope: 'news' },
    { scope: 'news', problem: undefined },
  ],
  [
    { address: 'a@b.de', expiresAt: '2030-01-31 12:00:00.2+01:00' },
    { expiresAt: Date.parse('2030-01-31T11:00:01Z'), problem: undefined },
  ],
  [{ address: ' ' }, { problem: expect.stringMatching(/^address: is empty/) }],
  [{}, { problem: expect.stringMatching(/^address: is empty/) }],
  [{ address: 'x'.repeat(3_000) }, { problem: expect.stringMatching(/^address: may have 2048/) }],
  [
    { address: 'a@b.de', channel: 'fax' },
    { channel: undefined, problem: expect.stringMatching(/^channel: is none of/) },
  ],
  [
    { address: 'a@b.de', scope: 'no scope' },
    { scope: undefined, problem: expect.stringMatching(/^scope: /) },
  ],
  [{ address: 'a@b.de', expiresAt: 'tomorrow' }, { problem: expect.stringMatching(/^expires_at: /) }],
  [{ address: 'a@b.de', expiresAt: '2030-02-31T99:00:00Z' }, { problem: expect.stringMatching(/^expires_at: /) }],
])('a row %j is read as %j', (given, expected) => {
  expect(readBulkRow(given, 'email')).toMatchObject(expected);
});

test('a row needs a channel, its own or that of all', () => {
  expect(readBulkRow({ address: 'a@b.de' }, undefined).problem).toMatch(/^channel: is not given/);
});

test.each([
  [['address'], ['address']],
  [
    [' Address', 'EXPIRES_AT', 'scope', 'channel '],
    ['address', 'expiresAt', 'scope', 'channel'],
  ],
  [['address', 'name'], { row: 1, column: 2, detail: expect.stringContaining('"name" names no column') }],
  [['address', 'scope', 'address'], { row: 1, column: 3, detail: expect.stringContaining('twice') }],
  [['scope'], { row: 1, column: 1, detail: expect.stringContaining('"address"') }],
  [['address;scope'], { row: 1, column: 1, detail: expect.stringContaining('commas') }],
])('a header %j is read as %j', (cells, expected) => {
  expect(readHeader(cells)).toEqual(expected);
});

test('a header that is missing is refused without repeating the address that is there', () => {
  expect(JSON.stringify(readHeader(['ada@example.com']))).not.toContain('ada');
});

test('cells go to the columns of the header, in whatever order, and as many as it has', () => {
  const columns = fc
    .shuffledSubarray(['channel', 'scope', 'expires_at'])
    .chain((some) => fc.shuffledSubarray(['address', ...some], { minLength: some.length + 1 }));
  fc.assert(
    fc.property(columns, fc.array(fc.string(), { maxLength: 6 }), (names, cells) => {
      const header = readHeader(names);
      if (isFault(header)) throw new Error(header.detail);
      const given = readCells(cells, header, 7);
      if (cells.length === names.length) {
        expect(header.map((column) => (given as Record<string, string>)[column])).toEqual(cells);
      } else {
        expect(given).toMatchObject({ row: 7, column: Math.min(cells.length, names.length) + 1 });
      }
    }),
  );
});
