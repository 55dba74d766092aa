import { mkdtempSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isFree } from '../../infra/setup/ports';
import { removeDataDirectory } from '../../infra/setup/postgres-place';
import { leftAfter, runSetup } from './setup-support';

jest.setTimeout(180_000);

const dataDir = mkdtempSync(path.join(tmpdir(), 'waybill-once-'));
const env = { WAYBILL_DATA_DIR: dataDir };
afterAll(() => removeDataDirectory(dataDir));

async function deliverOnce(): Promise<{ result: Record<string, unknown>; stdout: string }> {
  const run = runSetup(['start', '--once'], env);
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

/** Listens on those of the ports that nobody listens on yet. */
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
