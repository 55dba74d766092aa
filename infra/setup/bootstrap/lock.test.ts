import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startedAt, takeLock } from './lock.cjs';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'waybill-lock-'));
  file = path.join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a second taker learns who holds the lock, until it is released', () => {
  const first = takeLock(file);
  expect(takeLock(file)).toEqual({ taken: false, pid: process.pid });
  if (first.taken) first.release();
  expect(readdirSync(folder)).toEqual([]);
  expect(takeLock(file).taken).toBe(true);
});

test('the lock of a process that is gone does not last', () => {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  writeFileSync(file, JSON.stringify({ pid }));
  expect(takeLock(file).taken).toBe(true);
});

test('the lock of a process whose number another one has now does not last', () => {
  expect(startedAt(process.pid)).toMatch(/^\d+$/);
  writeFileSync(file, JSON.stringify({ pid: process.pid, started: '1' }));
  expect(takeLock(file).taken).toBe(true);
});

test('a file that is no lock does not last', () => {
  writeFileSync(file, '');
  expect(takeLock(file).taken).toBe(true);
});

test('of many that find a stale lock at once, one takes it', async () => {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  writeFileSync(file, JSON.stringify({ pid }));
  const program = `
    const { takeLock } = require(${JSON.stringify(path.join(__dirname, 'lock.cjs'))});
    while (Date.now() < ${Date.now() + 1_500});
    process.stdout.write(String(takeLock(${JSON.stringify(file)}).taken));
    setTimeout(() => {}, 1000);`;
  const answers = await Promise.all(Array.from({ length: 8 }, () => output(program)));
  expect(answers.filter((answer) => answer === 'true')).toHaveLength(1);
  expect(answers.filter((answer) => answer === 'false')).toHaveLength(7);
});

test('a process that ends leaves no lock', async () => {
  const lock = JSON.stringify(path.join(__dirname, 'lock.cjs'));
  await output(`require(${lock}).takeLock(${JSON.stringify(file)})`);
  expect(existsSync(file)).toBe(false);
});

function output(program: string): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    child.on('close', () => resolve(text));
  });
}
