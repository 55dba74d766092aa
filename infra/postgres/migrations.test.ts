import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const folder = path.join(__dirname, 'migrations');
const files = readdirSync(folder).sort();

test('numbers are unique, so that all databases have one order', () => {
  const numbers = files.map((name) => name.slice(0, 4));
  expect(new Set(numbers).size).toBe(numbers.length);
});

test.each(files)('%s says where it begins, and what takes it back comes after', (name) => {
  const text = readFileSync(path.join(folder, name), 'utf8');
  // Without the first line, what follows the second would be run as well.
  expect(text).toMatch(/^-- Up Migration\n/);
  expect(text.split(/^-- (Up|Down) Migration$/m).filter((part) => part === 'Down').length).toBeLessThanOrEqual(1);
});
