import { existsSync } from 'node:fs';
import path from 'node:path';
import { leftAfter, processesOf, runSetup } from '../support/setup-support';

const folderOf = (pid: number) => path.resolve(__dirname, '..', '..', '.waybill', `test-${pid}`);
const lastLine = (text: string) => text.trimEnd().split('\n').at(-1);

test('runs the tests it is asked for on servers of its own, and ends with the numbers', async () => {
  const run = runSetup(['test', 'core/ids.test.ts'], {});
  await run.printed('Postgres on');
  expect(existsSync(folderOf(run.pid))).toBe(true);
  expect(await run.ended).toBe(0);
  expect(lastLine(run.stdout())).toMatch(/^[1-9]\d* passed, 0 failed$/);
  expect(await leftAfter(folderOf(run.pid), 2_000)).toEqual([]);
  expect(existsSync(folderOf(run.pid))).toBe(false);
});

test('a run without a single test has failed', async () => {
  const run = runSetup(['test', 'no-such-test', '--passWithNoTests'], {});
  expect(await run.ended).not.toBe(0);
  expect(lastLine(run.stdout())).toBe('0 passed, 1 failed');
});

test('interrupted, it stops its servers and removes their data', async () => {
  const run = runSetup(['test', 'core/ids.test.ts'], {});
  await run.printed('Postgres on');
  const folder = folderOf(run.pid);
  expect(processesOf(folder)).not.toEqual([]);
  run.signalGroup('SIGINT');
  expect(await run.ended).toBe(130);
  expect(await leftAfter(folder, 2_000)).toEqual([]);
  expect(existsSync(folder)).toBe(false);
});
