import { readFileSync } from 'node:fs';
import path from 'node:path';
import { GENERATED, GENERATED_FILES, withPart } from '../../infra/setup/commands/write-docs';

test.each(GENERATED.map((part) => [part.file, part.name, part] as const))(
  '%s: "%s" is what the code says; npm run docs writes it anew',
  (file, _name, part) => {
    const page = readFileSync(path.resolve(__dirname, '..', '..', file), 'utf8');
    expect(page).toBe(withPart(page, part));
  },
);

test.each(GENERATED_FILES.map((made) => [made.file, made] as const))(
  '%s is what the code draws; npm run docs writes it anew',
  (file, { text }) => {
    expect(readFileSync(path.resolve(__dirname, '..', '..', file), 'utf8')).toBe(text());
  },
);

test('a page without a place for a part is refused', () => {
  expect(() => withPart('# Nothing', { file: 'x.md', name: 'table', text: () => '' })).toThrow('no place for "table"');
});
