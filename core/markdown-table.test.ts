import { markdownTable } from './markdown-table';

test('columns line up under their heads', () => {
  expect(
    markdownTable([
      ['state', ''],
      ['captured', 'paid'],
      ['', 'x'],
    ]),
  ).toBe('| state    |      |\n| -------- | ---- |\n| captured | paid |\n|          | x    |');
});
