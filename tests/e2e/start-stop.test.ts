import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { removeDataDirectory } from '../../infra/setup/postgres-place';
import { findProcess, leftAfter, processesOf, runNpm, runSetup } from './setup-support';

jest.setTimeout(180_000);

const dataDir = mkdtempSync(path.join(tmpdir(), 'waybill-stop-'));
const env = { WAYBILL_DATA_DIR: dataDir };
afterAll(() => removeDataDirectory(dataDir));

async function startUntilRunning() {
  const run = runSetup(['start'], env);
  await run.printed('Ctrl-C stops everything');
  return run;
}

test('Ctrl-C, which reaches it from the terminal and again from npm, stops everything in order', async () => {
  const run = await startUntilRunning();
  const servers = ['bin/postgres', 'start-dev', 'api/main.js', 'worker/main.js', 'receiver-main.js'];
  for (const program of servers) expect(processesOf(dataDir).join('\n')).toContain(program);

  const second = runSetup(['start'], env);
  expect(await second.ended).toBe(1);
  expect(second.stderr()).toContain(`Waybill is already running here: process ${run.pid}`);

  run.signalGroup('SIGINT');
  process.kill(run.pid, 'SIGINT');
  expect(await run.ended).toBe(0);
  expect(run.stdout()).toContain('Everything is stopped');
  expect(run.stderr()).toBe('');
  expect(await leftAfter(dataDir, 1_000)).toEqual([]);
  expect(existsSync(path.join(dataDir, 'start.lock'))).toBe(false);
});

test('when one of its programs dies, it says which, shows the last lines, and stops the rest', async () => {
  const run = await startUntilRunning();
  process.kill(findProcess(dataDir, 'worker/main.js'), 'SIGKILL');
  expect(await run.ended).toBe(1);
  expect(run.stderr()).toContain('Worker ended unexpectedly (SIGKILL)');
  expect(run.stderr()).toContain('worker is polling');
  expect(await leftAfter(dataDir, 1_000)).toEqual([]);
});

test('killed without a chance to tidy up, it leaves nothing running, and starts again', async () => {
  const run = await startUntilRunning();
  process.kill(run.pid, 'SIGKILL');
  await run.ended;
  expect(await leftAfter(dataDir, 20_000)).toEqual([]);

  const again = runSetup(['start', '--once'], env);
  expect(await again.ended).toBe(0);
});

test('interrupted while it starts, it stops what it has begun', async () => {
  const run = runSetup(['start'], env);
  await run.printed('Starting API and worker');
  process.kill(run.pid, 'SIGTERM');
  expect(await run.ended).toBe(143);
  expect(run.stderr()).toBe('');
  expect(await leftAfter(dataDir, 1_000)).toEqual([]);
});

test.each(['SIGINT', 'SIGTERM'] as const)('a %s that only npm gets stops what npm has started', async (signal) => {
  const run = runNpm(['start'], env);
  await run.printed('Starting API and worker');
  process.kill(run.pid, signal);
  await run.ended;
  expect(await leftAfter(dataDir, 10_000)).toEqual([]);
});
