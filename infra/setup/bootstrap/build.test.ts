import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { listSources, planBuild, removeVanished, writeStamp } from './build.cjs';

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'waybill-build-'));
  put('tsconfig.json', JSON.stringify({ include: ['core', 'api', 'tests'] }));
  put('core/a.ts', 'a');
  put('api/b.ts', 'b');
  put('api/b.test.ts', 'test');
  put('tests/c.ts', 'c');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(file: string, text: string): void {
  const full = path.join(root, file);
  mkdirSync(path.dirname(full), { recursive: true });
  writeFileSync(full, text);
}

/** Does what compiler and bundler would do. */
function build(): void {
  const sources = listSources(root);
  for (const file of Object.keys(sources)) if (file.endsWith('.ts')) put(`dist/${file.replace(/ts$/, 'js')}`, '');
  put('dist/workflow-bundle.js', '');
  writeStamp(root, { sources });
  writeStamp(root, { bundled: sources });
}

const plan = () => planBuild(root, listSources(root));

test('tests are no part of the build', () => {
  expect(Object.keys(listSources(root)).sort()).toEqual(['api/b.ts', 'core/a.ts', 'tsconfig.json']);
});

test('a fresh clone is compiled and bundled', () => {
  expect(plan()).toMatchObject({ compile: true, bundle: true });
});

test('nothing is done when nothing changed', () => {
  build();
  expect(plan()).toEqual({ compile: false, fromScratch: false, vanished: [], bundle: false });
});

test.each(['core/a.ts', 'api/b.ts', 'package-lock.json'])('a change of %s is compiled and bundled', (file) => {
  build();
  put(file, 'changed');
  expect(plan()).toMatchObject({ compile: true, fromScratch: false, bundle: true });
});

test('a change in a folder that the build has never heard of reaches the workflows that import from it', () => {
  put('tsconfig.json', JSON.stringify({ include: ['core', 'api', 'elsewhere', 'tests'] }));
  put('elsewhere/rules/d.ts', 'd');
  build();
  expect(plan()).toMatchObject({ compile: false, bundle: false });
  put('elsewhere/rules/d.ts', 'd changed');
  expect(plan()).toMatchObject({ compile: true, bundle: true });
});

test('a JSON file that a source may import counts as a source', () => {
  put('core/table.json', '{}');
  build();
  put('core/table.json', '{"changed": true}');
  expect(plan()).toMatchObject({ compile: true, bundle: true });
});

test('bundling that was cut off after compiling is made up for', () => {
  build();
  put('core/a.ts', 'a changed');
  writeStamp(root, { sources: listSources(root) });
  expect(plan()).toMatchObject({ compile: false, bundle: true });
});

test('what a removed source left is removed', () => {
  build();
  rmSync(path.join(root, 'api/b.ts'));
  const next = plan();
  expect(next).toMatchObject({ compile: true, vanished: ['dist/api/b.js'] });
  removeVanished(root, next);
  expect(existsSync(path.join(root, 'dist/api/b.js'))).toBe(false);
  expect(existsSync(path.join(root, 'dist/core/a.js'))).toBe(true);
});

test('a missing output makes the compiler forget what it holds for up to date', () => {
  build();
  put('dist/.tsbuildinfo', '{}');
  rmSync(path.join(root, 'dist/core/a.js'));
  const next = plan();
  expect(next).toMatchObject({ compile: true, fromScratch: true });
  removeVanished(root, next);
  expect(existsSync(path.join(root, 'dist/.tsbuildinfo'))).toBe(false);
});
