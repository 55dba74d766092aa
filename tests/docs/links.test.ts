import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(__dirname, '..', '..');
const FOLDERS = ['.', 'docs', 'docs/decisions'];
const PAGES = FOLDERS.flatMap((folder) =>
  readdirSync(path.join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join(folder, name)),
);

/** The targets of a page's links to files of ours. */
function links(page: string, text: string): string[] {
  return [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => path.join(path.dirname(page), target));
}

/** Files of ours that a page names as `folder/file.ts`; `NNNN` stands for a number that is chosen later. */
function named(text: string): string[] {
  const folders = 'activities|api|bench|core|docs|domains|infra|tests|worker|workflows';
  const names = text.matchAll(new RegExp(`\`((?:${folders})/[\\w./-]+\\.(?:ts|cjs|mjs|md|sql))\``, 'g'));
  return [...names].map(([, file = '']) => file).filter((file) => !file.includes('NNNN'));
}

test.each(PAGES)('%s: every link and every named file leads to something', (page) => {
  const text = readFileSync(path.join(ROOT, page), 'utf8');
  const missing = [...links(page, text), ...named(text)].filter((file) => !existsSync(path.join(ROOT, file)));
  expect(missing).toEqual([]);
});

test('a link to nowhere and a file that is not there are found', () => {
  expect(links('docs/api.md', '[x](gone.md#a) [y](https://example.com) [z](../core/ids.ts)')).toEqual([
    'docs/gone.md',
    'core/ids.ts',
  ]);
  expect(named('`core/gone.ts` and `store/old.ts`, `workflows/<name>.ts`')).toEqual(['core/gone.ts']);
});
