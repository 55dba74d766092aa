import { parse } from 'csv-parse/sync';
import { type ExportFormat, exportWriter } from './export-text';

const profile = { name: 'profile', single: true } as const;
const things = { name: 'things' };
const none = { name: 'none' };

function written(format: ExportFormat): string {
  const writer = exportWriter(format);
  return [
    writer.begin({ id: 'x' }),
    writer.openPart(profile),
    writer.record(profile, 1, { name: '=1+1', tags: { '@a': 'b,"c"\r\nd' }, nothing: null }),
    writer.closePart(profile),
    writer.openPart(things),
    writer.record(things, 1, { n: 1, list: ['a', 'b'] }),
    writer.record(things, 2, { n: 2, list: [] }),
    writer.closePart(things),
    writer.openPart(none),
    writer.closePart(none),
    writer.end(),
  ].join('');
}

test('JSON is one object with a member for each part', () => {
  expect(JSON.parse(written('json'))).toEqual({
    export: { id: 'x' },
    profile: { name: '=1+1', tags: { '@a': 'b,"c"\r\nd' }, nothing: null },
    things: [
      { n: 1, list: ['a', 'b'] },
      { n: 2, list: [] },
    ],
    none: [],
  });
});

test('CSV has a line for each value, and no spreadsheet takes any for a formula', () => {
  expect(parse(written('csv'))).toEqual([
    ['part', 'record', 'field', 'value'],
    ['export', '1', 'id', 'x'],
    ['profile', '1', 'name', "'=1+1"],
    ['profile', '1', 'tags.@a', 'b,"c"\r\nd'],
    ['things', '1', 'n', '1'],
    ['things', '1', 'list.0', 'a'],
    ['things', '1', 'list.1', 'b'],
    ['things', '2', 'n', '2'],
  ]);
});
