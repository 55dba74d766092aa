import { createServer, type Server } from 'node:net';
import { freePort, isFree, onFreePorts, preferPort } from './ports';

let taken: Server;
let takenPort: number;
beforeEach(async () => {
  takenPort = await freePort();
  taken = await listen(takenPort);
});
afterEach(() => close(taken));

test('a port that something listens on is not free, nor is one taken on all addresses', async () => {
  expect(await isFree(takenPort)).toBe(false);
  const port = await freePort();
  const everywhere = await listen(port, '0.0.0.0');
  expect(await isFree(port)).toBe(false);
  await close(everywhere);
  expect(await isFree(port)).toBe(true);
});

test('the preferred port is taken when it is free; another one is said aloud', async () => {
  const said: string[] = [];
  const free = await freePort();
  expect(await preferPort(free, 'the API', (line) => said.push(line))).toBe(free);
  expect(said).toEqual([]);
  const other = await preferPort(takenPort, 'the API', (line) => said.push(line));
  expect(other).not.toBe(takenPort);
  expect(said).toEqual([`Port ${takenPort} is in use: the API takes ${other} instead`]);
});

test('a port that is taken while something starts on it is exchanged for another', async () => {
  const offered = [takenPort, await freePort()];
  const tried: number[] = [];
  const port = await onFreePorts(
    async () => ({ port: offered[tried.length] ?? 0 }),
    async ({ port }) => {
      tried.push(port);
      await close(await listen(port));
      return port;
    },
  );
  expect(tried).toEqual(offered);
  expect(port).toBe(offered[1]);
});

test('a port that was taken for a moment, and is free again when we look, is exchanged as well', async () => {
  let tries = 0;
  const port = await onFreePorts(
    async () => ({ port: await freePort() }),
    async ({ port }) => {
      tries++;
      if (tries > 1) return port;
      const other = await listen(port);
      const late = await listen(port).catch((error: Error) => error);
      await close(other);
      throw late;
    },
  );
  expect(tries).toBe(2);
  expect(await isFree(port)).toBe(true);
});

test('what fails for another reason is not tried again', async () => {
  let tries = 0;
  const start = onFreePorts(
    async () => ({ port: await freePort(), none: undefined }),
    async () => {
      tries++;
      throw new Error('no such file');
    },
  );
  await expect(start).rejects.toThrow('no such file');
  expect(tries).toBe(1);
});

function listen(port: number, host = '127.0.0.1'): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, host, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
