import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isPermissive, listLicences } from './licences.cjs';

test.each([
  ['MIT', true],
  ['GPL-3.0-only', false],
  ['AGPL-3.0', false],
  ['LGPL-2.1-or-later', false],
  ['MPL-2.0', false],
  ['UNLICENSED', false],
  ['SEE LICENSE IN LICENSE', false],
  ['', false],
  ['MIT OR GPL-3.0', true],
  ['GPL-3.0 OR MIT', true],
  ['(MIT OR CC0-1.0)', true],
  ['Apache-2.0 AND MIT', true],
  ['MIT AND GPL-2.0', false],
  ['GPL-2.0 AND MIT', false],
  ['GPL-2.0 AND (GPL-3.0 OR MIT)', false],
  ['(GPL-2.0 OR ISC) AND (MIT OR GPL-3.0)', true],
  ['GPL-3.0 OR MIT AND ISC', true],
  ['MIT AND GPL-3.0 OR GPL-2.0', false],
  ['(MIT', false],
  ['MIT)', false],
  ['MIT free', false],
  ['Apache-2.0 WITH LLVM-exception', false],
])('%j permissive: %s', (expression, expected) => expect(isPermissive(expression)).toBe(expected));

test('what is installed says its licence, else the lockfile does', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'waybill-licences-'));
  const manifest = (name: string, text: object) => {
    mkdirSync(path.join(root, 'node_modules', name), { recursive: true });
    writeFileSync(path.join(root, 'node_modules', name, 'package.json'), JSON.stringify(text));
  };
  const packages = {
    '': { name: 'root' },
    'node_modules/other-platform': { version: '1.0.0', license: 'MIT', optional: true },
    'node_modules/changed': { version: '2.0.0', license: 'MIT' },
    'node_modules/silent': { version: '3.0.0' },
    'node_modules/changed/node_modules/@scope/old': { version: '4.0.0', dev: true },
  };
  writeFileSync(path.join(root, 'package-lock.json'), JSON.stringify({ packages }));
  manifest('changed', { license: 'GPL-3.0' });
  manifest('silent', {});
  manifest('changed/node_modules/@scope/old', { licenses: [{ type: 'MIT' }, { type: 'ISC' }] });
  expect(listLicences(root)).toEqual([
    { name: '@scope/old', version: '4.0.0', licence: 'MIT OR ISC', production: false },
    { name: 'changed', version: '2.0.0', licence: 'GPL-3.0', production: true },
    { name: 'other-platform', version: '1.0.0', licence: 'MIT', production: true },
    { name: 'silent', version: '3.0.0', licence: undefined, production: true },
  ]);
  rmSync(root, { recursive: true, force: true });
});
