import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { type ApiClient, createApiClient } from '../../infra/setup/commands/api-client';
import { retireGuard } from '../../infra/setup/processes/guard';
import { isFree } from '../../infra/setup/processes/ports';
import { removeDataDirectory } from '../../infra/setup/servers/postgres-place';
import { startTemporal } from '../../infra/setup/servers/temporal-server';
import { findProcess, leftAfter, processesOf, runNpm, runSetup, type SetupRun } from '../support/setup-support';

jest.setTimeout(180_000);

// All in one file, so that they run one after the other: which of the usual ports are free is part of what they check.
const dataDir = mkdtempSync(path.join(tmpdir(), 'waybill-start-'));
const env: Record<string, string> = { WAYBILL_DATA_DIR: dataDir };
/** The programs that may die, by their names in messages, and what their arguments contain. */
const PROGRAMS = {
  Worker: 'worker/main.js',
  API: 'api/main.js',
  Temporal: 'start-dev',
  Postgres: 'bin/postgres -D',
  Receiver: 'receiver-main.js',
};
afterAll(() => removeDataDirectory(dataDir));

async function deliverOnce(place = env): Promise<{ result: Record<string, unknown>; stdout: string }> {
  const run = runSetup(['start', '--once'], place);
  const code = await run.ended;
  if (code !== 0) throw new Error(`exit code ${code}\n${run.stdout()}\n${run.stderr()}`);
  const last = run.stdout().trimEnd().split('\n').at(-1) ?? '';
  return { result: JSON.parse(last), stdout: run.stdout() };
}

test('delivers a real webhook, says so on the last line, and leaves nothing running', async () => {
  const { result, stdout } = await deliverOnce();
  expect(result).toEqual({
    delivered: true,
    deliveryId: expect.stringMatching(/^dlv_[0-9a-f]{32}$/),
    workflowId: expect.stringMatching(/^webhook-delivery\//),
    workflowUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/namespaces\/default\/workflows\//),
    acceptToReceivedMs: expect.any(Number),
  });
  expect(result.acceptToReceivedMs).toBeGreaterThanOrEqual(0);
  expect(stdout).toContain("The administrator's API key is wb_live_");
  expect(await leftAfter(dataDir, 5_000)).toEqual([]);
});

test('the second start reuses what is there, and moves from ports that are in use', async () => {
  const taken = await occupy(8080, 8090);
  try {
    const { result, stdout } = await deliverOnce();
    expect(result.delivered).toBe(true);
    expect(stdout).not.toMatch(/Installing|Compiling|Bundling|Building|wb_live_/);
    expect(stdout).toMatch(/Port 8080 is in use: the API takes \d+ instead/);
    expect(stdout).toMatch(/Port 8090 is in use: the receiver takes \d+ instead/);
  } finally {
    for (const server of taken) server.close();
  }
});

test('two starts in the same instant both find ports, and each delivers to its own receiver', async () => {
  const other = mkdtempSync(path.join(tmpdir(), 'waybill-twin-'));
  try {
    const twins = await Promise.all([deliverOnce(), deliverOnce({ WAYBILL_DATA_DIR: other })]);
    expect(twins.map(({ result }) => result.delivered)).toEqual([true, true]);
  } finally {
    removeDataDirectory(other);
  }
});

test('a port that the environment asks for and that is in use is named, and nothing is left running', async () => {
  const [taken] = await occupy(0);
  const address = taken?.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const run = runSetup(['start', '--once'], { ...env, WAYBILL_PORT: String(port) });
  expect(await run.ended).toBe(1);
  expect(run.stderr()).toContain(`Port ${port} is in use, and WAYBILL_PORT asks for it for the API`);
  expect(await leftAfter(dataDir, 5_000)).toEqual([]);
  taken?.close();
});

test('an unknown option is refused before anything starts', async () => {
  const run = runSetup(['start', '--twice'], env);
  expect(await run.ended).toBe(2);
  expect(run.stderr()).toContain('Usage: npm start');
});

async function startUntilRunning(place: Record<string, string> = env) {
  const run = runSetup(['start'], place);
  await run.printed('Ctrl-C stops everything');
  return run;
}

test('Ctrl-C, which reaches it from the terminal and again from npm, stops everything in order', async () => {
  const run = await startUntilRunning();
  expect(await (await fetch(placesOf(run).metricsUrl)).text()).toContain('webhook_messages_accepted_total 1\n');
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

test('what dies is started again where it was, and webhooks go on', async () => {
  const run = await startUntilRunning();
  const { api, receiverUrl } = placesOf(run);
  for (const [name, argument] of Object.entries(PROGRAMS)) {
    process.kill(findProcess(dataDir, argument), 'SIGKILL');
    await run.printed(`${name} ended unexpectedly (SIGKILL), see ${path.join(dataDir, 'log')}`);
    await run.printed(`${name} runs again`);
    const takesWorkflow = name === 'Worker' || name === 'Temporal';
    // Refused at first, it needs the worker and Temporal to be delivered.
    if (takesWorkflow) await fetch(`${receiverUrl}/fail?next=1&status=503`, { method: 'POST' });
    const { id } = await publish(api);
    if (takesWorkflow) await run.printed(`${id}, signature verified, answered 503`);
    await run.printed(`${id}, signature verified, answered 204`);
  }
  run.signalGroup('SIGINT');
  expect(await run.ended).toBe(0);
  expect(run.stderr()).toBe('');
  expect(await leftAfter(dataDir, 1_000)).toEqual([]);
});

test('what dies again and again is given up: it says which, shows the last lines, and stops the rest', async () => {
  const run = await startUntilRunning();
  for (let starts = 1; starts <= 5; starts++) {
    process.kill(findProcess(dataDir, 'worker/main.js'), 'SIGKILL');
    await run.printed('Worker runs again', starts);
  }
  process.kill(findProcess(dataDir, 'worker/main.js'), 'SIGKILL');
  expect(await run.ended).toBe(1);
  expect(run.stderr()).toContain('Worker was started again 5 times within 5 min and died again');
  expect(run.stderr()).toContain('Worker ended unexpectedly (SIGKILL)');
  expect(run.stderr()).toContain('worker is polling');
  expect(await leftAfter(dataDir, 1_000)).toEqual([]);
});

test("with somebody else's Temporal there is no link to a Web UI that nobody knows", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'waybill-temporal-'));
  const temporal = await startTemporal({
    dataDir: folder,
    logFolder: folder,
    port: undefined,
    ui: undefined,
    persistent: false,
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
    log: () => {},
    signal: undefined,
  });
  try {
    const theirs = { ...env, TEMPORAL_ADDRESS: temporal.address };
    const run = await startUntilRunning(theirs);
    run.signalGroup('SIGINT');
    expect(await run.ended).toBe(0);
    expect(run.stdout()).toMatch(/Temporal Web UI +that of your Temporal server/);
    expect(run.stdout()).toMatch(/^ {2}webhook-delivery\/dlv_[0-9a-f]{32}$/m);
    expect(run.stdout()).not.toMatch(/8233|\/workflows\//);
    const { result } = await deliverOnce({ ...theirs, WAYBILL_TEMPORAL_UI_URL: 'https://ui.example.com' });
    expect(result.workflowUrl).toMatch(/^https:\/\/ui\.example\.com\/namespaces\/default\/workflows\/webhook-delivery/);
  } finally {
    await temporal.stop();
    await retireGuard();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('where Temporal is neither there nor to be had, it says what can be done, and nothing is left running', async () => {
  const [closed] = await occupy(0);
  const address = closed?.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  await new Promise((resolve) => closed?.close(resolve));
  const home = mkdtempSync(path.join(tmpdir(), 'waybill-home-'));
  const mirror = `http://127.0.0.1:${port}`;
  const bare = { ...env, HOME: home, XDG_CACHE_HOME: '', PATH: home, WAYBILL_TEMPORAL_DOWNLOAD_URL: mirror };
  const run = runSetup(['start', '--once'], bare);
  expect(await run.ended).toBe(1);
  expect(run.stderr()).toContain('There is no Temporal server to be had here. Do one of these and start again');
  expect(run.stderr()).toContain(`which failed: connect ECONNREFUSED 127.0.0.1:${port}`);
  expect(await leftAfter(dataDir, 5_000)).toEqual([]);
  rmSync(home, { recursive: true, force: true });
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

/** The API and the receiver of a running start, as it has printed them. */
function placesOf(run: SetupRun): { api: ApiClient; metricsUrl: string; receiverUrl: string } {
  const [, apiUrl = ''] = /^ {2}API +(http\S+)\/v1$/m.exec(run.stdout()) ?? [];
  const [, metricsUrl = ''] = /^ {2}Metrics +(http\S+\/metrics) /m.exec(run.stdout()) ?? [];
  const [, receiverUrl = ''] = /^ {2}Receiver +(http\S+)\/received/m.exec(run.stdout()) ?? [];
  const [, key = ''] = /^WAYBILL_ADMIN_KEY=(.*)$/m.exec(readFileSync(path.join(dataDir, 'keys.env'), 'utf8')) ?? [];
  return { api: createApiClient(apiUrl, key, AbortSignal.timeout(180_000)), metricsUrl, receiverUrl };
}

async function publish(api: ApiClient): Promise<{ id: string }> {
  const message = { eventType: 'order.created', payload: { orderId: '1002' } };
  return z.object({ id: z.string() }).parse(await api.call('POST', '/v1/messages', message));
}

/** Listens on those of the ports that are free. */
async function occupy(...ports: number[]): Promise<Server[]> {
  const servers: Server[] = [];
  for (const port of ports) {
    if (port !== 0 && !(await isFree(port))) continue;
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    servers.push(server);
  }
  return servers;
}
