import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
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
    process.stdin.once('data', () => console.log(takeLock(${JSON.stringify(file)}).taken));
    process.stdin.on('end', () => process.exit());
    console.log('ready');`;
  const takers = Array.from({ length: 8 }, () => spawn(process.execPath, ['-e', program]));
  const lines = takers.map((taker) => createInterface({ input: taker.stdout })[Symbol.asyncIterator]());
  const nextLines = () => Promise.all(lines.map(async (line) => (await line.next()).value));
  expect(new Set(await nextLines())).toEqual(new Set(['ready']));
  for (const taker of takers) taker.stdin.write('go');
  const answers = await nextLines();
  for (const taker of takers) taker.stdin.end();
  expect(answers.sort()).toEqual([...Array(7).fill('false'), 'true']);
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
