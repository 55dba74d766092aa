import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findProgram } from './find-program';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'waybill-find-'));
  for (const name of ['first', 'second']) {
    mkdirSync(path.join(folder, name));
    writeFileSync(path.join(folder, name, 'tool'), '#!/bin/sh\n', { mode: 0o755 });
  }
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const onPath = (...names: string[]) => names.map((name) => path.join(folder, name)).join(path.delimiter);

test('the first on PATH that may be run is found', () => {
  expect(findProgram('tool', onPath('none', 'second', 'first'))).toBe(path.join(folder, 'second', 'tool'));
  chmodSync(path.join(folder, 'second', 'tool'), 0o644);
  expect(findProgram('tool', onPath('none', 'second', 'first'))).toBe(path.join(folder, 'first', 'tool'));
  expect(findProgram('other', onPath('first', 'second'))).toBeUndefined();
});

test('a folder of that name is no program', () => {
  mkdirSync(path.join(folder, 'first', 'folder'));
  expect(findProgram('folder', onPath('first'))).toBeUndefined();
});

test.each([
  ['no PATH', () => undefined],
  ['an empty one', () => ''],
  ['a relative one', () => path.relative(process.cwd(), path.join(folder, 'first'))],
])('%s leads nowhere, not into the folder that we are in', (_what, searchPath) => {
  const before = process.cwd();
  try {
    process.chdir(path.join(folder, 'first'));
    expect(findProgram('tool', searchPath())).toBeUndefined();
  } finally {
    process.chdir(before);
  }
});
