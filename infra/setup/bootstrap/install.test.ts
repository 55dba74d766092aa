import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { installCommand, isInstalled, type Lockfile, matchesLock, writeStamp } from './install.cjs';

const LOCK: Lockfile = {
  packages: {
    '': { version: '1.0.0' },
    'node_modules/a': { version: '1.2.3', integrity: 'sha512-a' },
    'node_modules/b': { version: '2.0.0', integrity: 'sha512-b', optional: true },
  },
};

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'waybill-install-'));
  writeFileSync(path.join(root, 'package-lock.json'), JSON.stringify(LOCK));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function npmInstalled(record: Lockfile): void {
  mkdirSync(path.join(root, 'node_modules'));
  writeFileSync(path.join(root, 'node_modules', '.package-lock.json'), JSON.stringify(record));
}

test('a clone without node_modules is not installed', () => {
  expect(isInstalled(root)).toBe(false);
});

test('what somebody installed by hand counts when it is what the lockfile asks for', () => {
  npmInstalled({ packages: { 'node_modules/a': { version: '1.2.3', integrity: 'sha512-a' } } });
  expect(isInstalled(root)).toBe(true);
});

test('an installation that broke off, which has no record, does not count', () => {
  mkdirSync(path.join(root, 'node_modules', 'a'), { recursive: true });
  expect(isInstalled(root)).toBe(false);
});

test('a changed lockfile asks for a new installation', () => {
  npmInstalled({ packages: { 'node_modules/a': { version: '1.2.3', integrity: 'sha512-a' } } });
  writeStamp(root);
  expect(isInstalled(root)).toBe(true);
  const packages = { ...LOCK.packages, 'node_modules/a': { version: '1.2.4', integrity: 'sha512-a4' } };
  writeFileSync(path.join(root, 'package-lock.json'), JSON.stringify({ packages }));
  expect(isInstalled(root)).toBe(false);
});

test.each<[string, Lockfile, boolean]>([
  ['another version', { packages: { 'node_modules/a': { version: '1.2.2', integrity: 'sha512-a' } } }, false],
  ['other content', { packages: { 'node_modules/a': { version: '1.2.3', integrity: 'sha512-x' } } }, false],
  ['a missing package', { packages: {} }, false],
  ['a missing optional package', { packages: { 'node_modules/a': { version: '1.2.3', integrity: 'sha512-a' } } }, true],
])('%s: is it what the lockfile asks for?', (_what, record, expected) => {
  expect(matchesLock(LOCK, record)).toBe(expected);
});

test('the npm that runs us installs; otherwise the one on PATH', () => {
  const running = installCommand({ npm_execpath: '/opt/npm/bin/npm-cli.js' });
  expect(running.command).toBe(process.execPath);
  expect(running.args.slice(0, 2)).toEqual(['/opt/npm/bin/npm-cli.js', 'ci']);
  expect(installCommand({ npm_execpath: '/opt/yarn.js' }).command).toBe('npm');
  expect(installCommand({}).args).toContain('--include=dev');
});
