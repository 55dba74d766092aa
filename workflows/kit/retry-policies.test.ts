import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { PERMANENT_ERRORS } from './retry-policies';

const DOMAINS = path.resolve(__dirname, '..', '..', 'domains');

/** Every class of the domains with the one that it extends. */
function classes(): { file: string; name: string; parent: string }[] {
  const files = readdirSync(DOMAINS, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .flatMap((file) => {
      const text = readFileSync(path.join(DOMAINS, file), 'utf8');
      const found = text.matchAll(/class (\w+) extends ([\w.]+)/g);
      return [...found].map(([, name = '', parent = '']) => ({ file, name, parent }));
    });
}

/** Those that extend a class, directly or not. */
function subclassesOf(parent: string): { file: string; name: string }[] {
  return classes()
    .filter((found) => found.parent === parent)
    .flatMap((found) => [found, ...subclassesOf(found.name)]);
}

test('workflows give up at every permanent error of the domains, and at no other', () => {
  const found = subclassesOf('PermanentError');
  expect([...PERMANENT_ERRORS].sort()).toEqual(found.map(({ name }) => name).sort());
  expect(found.filter(({ file }) => !/^\w+\/rules\/errors\.ts$/.test(file.replaceAll(path.sep, '/')))).toEqual([]);
});

test('no two domains call a permanent error alike', () => {
  expect(new Set(PERMANENT_ERRORS).size).toBe(PERMANENT_ERRORS.length);
});
