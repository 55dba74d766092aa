import { spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { listensOn } from './listener';

const LISTEN =
  "require('net').createServer().listen(0, '127.0.0.1', function () { console.log(this.address().port) });";
const CHILD = `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(LISTEN)}], { stdio: 'inherit' });`;

let end = () => {};
afterEach(() => end());

/** A process group of its own, and the port that one of its processes reports. */
async function groupWith(program: string): Promise<{ group: number; port: number }> {
  const child = spawn(process.execPath, ['-e', program], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  const group = child.pid ?? 0;
  end = () => void process.kill(-group, 'SIGKILL');
  const port = await new Promise<number>((resolve) => child.stdout.once('data', (said) => resolve(Number(said))));
  return { group, port };
}

test.each([
  ['the process', LISTEN],
  ['a child of it', CHILD],
])('a port that %s listens on is its own; no other is', async (_who, program) => {
  const { group, port } = await groupWith(program);
  expect(listensOn(group, port)).toBe(true);
  const ours = createServer();
  await new Promise<void>((resolve) => ours.listen(0, '127.0.0.1', resolve));
  expect(listensOn(group, (ours.address() as AddressInfo).port)).toBe(false);
  await new Promise((resolve) => ours.close(resolve));
});

test("a port that nobody listens on is nobody's, and a process that has ended has none", async () => {
  const { group, port } = await groupWith(LISTEN);
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const free = (closed.address() as AddressInfo).port;
  await new Promise((resolve) => closed.close(resolve));
  expect(listensOn(group, free)).toBe(false);
  expect(listensOn(2 ** 22 + 1, port)).toBe(false);
});
