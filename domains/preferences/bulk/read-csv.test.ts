import fc from 'fast-check';
import { csvRecord } from '../../../core/csv';
import type { GivenRow } from '../rules/bulk-rows';
import { readCsvRows } from './read-csv';

async function* chunksOf(text: string | Buffer, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(text: string | Buffer, size = 65_536): Promise<GivenRow[]> {
  const rows: GivenRow[] = [];
  for await (const row of readCsvRows(chunksOf(text, size))) rows.push(row);
  return rows;
}

test('rows are what was written, wherever the chunks are cut', async () => {
  const cell = fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => `x${text}`);
  const rows = fc.array(fc.record({ address: cell, scope: cell }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(rows, fc.integer({ min: 1, max: 12 }), fc.boolean(), async (written, size, marked) => {
      const records = [['address', 'scope'], ...written.map(({ address, scope }) => [address, scope])];
      const text = `${marked ? '\uFEFF' : ''}${records.map(csvRecord).join('')}`;
      expect(await read(text, size)).toEqual(written);
    }),
    { numRuns: 50 },
  );
});

test('lines may end as they like, and empty ones are left out', async () => {
  expect(await read('address\r\n\r\na\n"b"\n\n')).toEqual([{ address: 'a' }, { address: 'b' }]);
  expect(await read('')).toEqual([]);
  expect(await read('address\n')).toEqual([]);
});

test.each<[string, string | Buffer, string, string]>([
  ['a row is too short', 'address,scope\na,*\nb\n', '3/2', 'has 1 cells'],
  ['a row is too long', 'address,scope\na,*,x\n', '2/3', 'has 3 cells'],
  ['a quote is within a cell', 'address,scope\na,*\nb,x"y"\n', '3/2', 'quote'],
  ['a quote has no end', 'address\na\n"b', '3/1', 'no end'],
  ['a quote has no end in a large file', `address\n"${'x\n'.repeat(20_000)}`, '2/1', 'more than'],
  ['the header names something else', 'mail\na\n', '1/1', 'names no column'],
  ['it is not UTF-8', Buffer.from('address\na\nb\n\xff\n', 'latin1'), '2/1', 'UTF-8'],
])('where %s, the file is refused with the row and column', async (_what, text, place, detail) => {
  const error = await read(text).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code: 'unusable-csv', options: { field: ['rows', ...place.split('/')] } });
  expect(String(error)).toContain(detail);
});

test('what cannot be read to its end is an error of who sends it', async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('address\na\n');
    throw new Error('the connection broke');
  }
  await expect(async () => {
    for await (const _row of readCsvRows(broken()));
  }).rejects.toThrow('the connection broke');
});

test('no more is read ahead than a few chunks, however large the file is', async () => {
  const chunk = Buffer.from('someone@example.com\n'.repeat(50));
  let given = 0;
  let done = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('address\n');
    for (;;) {
      given += 50;
      yield chunk;
    }
  }
  let most = 0;
  for await (const _row of readCsvRows(endless())) {
    most = Math.max(most, given - ++done);
    if (done === 50_000) break;
  }
  expect(most).toBeLessThan(5_000);
});
