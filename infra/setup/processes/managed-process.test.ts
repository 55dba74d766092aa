import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { retireGuard } from './guard';
import { ManagedProcess, type ProcessError, type ProcessOptions } from './managed-process';
import { waitFor } from './wait';

let folder: string;
let running: ManagedProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'waybill-process-'));
});
afterEach(async () => {
  await running?.kill();
  await retireGuard();
  rmSync(folder, { recursive: true, force: true });
});

/** A Node program that is ready when it has written its pid to the file `ready`. */
function managed(program: string, options: Partial<ProcessOptions> = {}): ManagedProcess {
  const ready = path.join(folder, 'ready');
  running = new ManagedProcess({
    name: 'Example',
    command: process.execPath,
    args: ['-e', program],
    env: { PATH: process.env.PATH },
    cwd: folder,
    logFile: path.join(folder, 'log', 'example.log'),
    ready: async () => existsSync(ready) && readFileSync(ready, 'utf8') === String(running?.pid),
    readyWithinMs: 10_000,
    stopSignals: ['SIGTERM'],
    stopWithinMs: 300,
    ...options,
  });
  return running;
}

const READY = "require('fs').writeFileSync('ready', String(process.pid)); setInterval(() => {}, 1000);";
const pidFiles = "require('fs').appendFileSync('pids', process.pid + '\\n');";

test('it runs until it is stopped', async () => {
  const example = managed(`console.log('hello'); ${READY}`);
  await example.start();
  expect(isAlive(example.pid)).toBe(true);
  const { pid } = example;
  await example.stop();
  expect(isAlive(pid)).toBe(false);
  expect(example.pid).toBeUndefined();
  expect(example.tail()).toBe('hello');
});

test('one that does not listen when asked to stop is killed', async () => {
  const example = managed(`process.on('SIGTERM', () => console.log('no')); ${READY}`);
  await example.start();
  const { pid } = example;
  await example.stop();
  expect(isAlive(pid)).toBe(false);
  expect(example.tail()).toBe('no');
});

test('one that ends at start is reported with its last words', async () => {
  const example = managed("console.error('port in use'); process.exit(3)");
  await expect(example.start()).rejects.toThrow(/Example ended at start \(code 3\)[\s\S]*port in use/);
});

test('one that is not ready by its deadline is stopped', async () => {
  const example = managed(`${pidFiles} setInterval(() => {}, 1000)`, { readyWithinMs: 500 });
  await expect(example.start()).rejects.toThrow('Example was not ready within');
  expect(isAlive(Number(readFileSync(path.join(folder, 'pids'), 'utf8')))).toBe(false);
});

test('an answer from its port that another program gives does not make it ready', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const port = (other.address() as AddressInfo).port;
  const listen = `setTimeout(() => require('net').createServer().listen(${port}, '127.0.0.1'), 300)`;
  const example = managed(listen, { port, ready: async () => true });
  const reports: ProcessError[] = [];
  example.onUnexpectedExit = (error) => reports.push(error);
  await expect(example.start()).rejects.toThrow(/ended at start[\s\S]*EADDRINUSE/);
  expect(reports).toEqual([]);
  await new Promise((resolve) => other.close(resolve));
  await example.start();
  expect(example.pid).toBeDefined();
});

test('a program that is not there is reported', async () => {
  await expect(managed('', { command: '/no/such/program' }).start()).rejects.toThrow('Example could not be started');
});

test('an interrupted start leaves nothing behind', async () => {
  const interrupt = new AbortController();
  const example = managed(`${pidFiles} setInterval(() => {}, 1000)`);
  const start = example.start(interrupt.signal);
  await waitFor(async () => (existsSync(path.join(folder, 'pids')) ? true : undefined), { withinMs: 10_000 });
  interrupt.abort(new Error('enough'));
  await expect(start).rejects.toThrow();
  expect(isAlive(Number(readFileSync(path.join(folder, 'pids'), 'utf8')))).toBe(false);
});

test('one that ends by itself is reported; one that was killed on purpose is not, and can be started again', async () => {
  const example = managed(`${pidFiles} ${READY}`);
  const reports: ProcessError[] = [];
  example.onUnexpectedExit = (error) => reports.push(error);
  await example.start();
  await example.kill();
  await example.restart();
  expect(reports).toEqual([]);
  expect(new Set(readFileSync(path.join(folder, 'pids'), 'utf8').trim().split('\n')).size).toBe(2);
  process.kill(example.pid ?? 0, 'SIGKILL');
  const report = await waitFor(async () => reports[0], { withinMs: 5_000 });
  expect(report?.message).toContain('Example ended unexpectedly (SIGKILL)');
});

test('what it started ends with it', async () => {
  const idle = JSON.stringify(`${pidFiles} setInterval(() => {}, 1000)`);
  const child = `require('child_process').spawn(process.execPath, ['-e', ${idle}]);`;
  const ready = async () => existsSync(path.join(folder, 'pids'));
  const example = managed(`${child} process.on('SIGTERM', () => process.exit()); setInterval(() => {}, 1000)`, {
    ready,
  });
  await example.start();
  await example.stop();
  const pid = Number(readFileSync(path.join(folder, 'pids'), 'utf8'));
  const gone = await waitFor(async () => (isAlive(pid) ? undefined : true), { withinMs: 5_000 });
  expect(gone).toBe(true);
});

test('it gets its input and its environment, and nothing else of ours', async () => {
  process.env.WAYBILL_TEST_SECRET = 'planted';
  const program = `process.stdin.on('data', (d) => console.log(String(d), process.env.WAYBILL_TEST_SECRET)); ${READY}`;
  const lines: string[] = [];
  const example = managed(program, { input: 'from standard input', onLine: (line) => lines.push(line) });
  await example.start();
  const line = await waitFor(async () => lines[0], { withinMs: 5_000 });
  delete process.env.WAYBILL_TEST_SECRET;
  expect(line).toBe('from standard input undefined');
  expect(example.tail()).toBe('from standard input undefined');
});

test("the previous run's log is kept", async () => {
  const log = path.join(folder, 'log', 'example.log');
  const first = managed(`console.log('first'); ${READY}`);
  await first.start();
  await first.stop();
  const second = managed(`console.log('second'); ${READY}`);
  await second.start();
  await second.stop();
  expect(readFileSync(`${log}.1`, 'utf8')).toBe('first\n');
  expect(second.tail()).toBe('second');
});

/** A zombie does not count as alive. */
function isAlive(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
  } catch {
    return false;
  }
}
