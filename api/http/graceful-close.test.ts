import { Agent, get } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import express from 'express';
import { gracefulClose } from './graceful-close';
import { createApiServer } from './http-server';

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
afterEach(() => agent.destroy());

async function listen() {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const app = express();
  app.get('/', (_request, response) => void setTimeout(() => response.json({}), 20));
  app.get('/slow', (_request, response) => void released.then(() => response.json({})));
  const server = createApiServer(app, { keepAliveTimeout: 60_000 });
  const close = gracefulClose(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { server, close, port, url: `http://127.0.0.1:${port}`, release };
}

/** The status, or the error's code. */
function ask(url: string): Promise<number | string | undefined> {
  return new Promise((resolve) => {
    const request = get(url, { agent }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode));
    });
    request.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
  });
}

test('a client that asks again and again over one connection does not put off the end', async () => {
  const { server, close, url } = await listen();
  const answers = new Set<number | string | undefined>();
  let busy = true;
  const client = (async () => {
    while (busy) answers.add(await ask(url));
  })();
  await new Promise<void>((resolve) => server.once('request', () => resolve()));
  const before = Date.now();
  await Promise.race([close(), new Promise((resolve) => setTimeout(resolve, 20_000))]);
  busy = false;
  await client;
  expect(Date.now() - before).toBeLessThan(15_000);
  expect(answers).toContain(200);
  expect(
    [...answers].filter((answer) => answer !== 200 && answer !== 'ECONNREFUSED' && answer !== 'ECONNRESET'),
  ).toEqual([]);
});

test('what is under way is answered, and its connection closed after it', async () => {
  const { server, close, url, release } = await listen();
  const slow = ask(`${url}/slow`);
  await new Promise<void>((resolve) => server.once('request', () => resolve()));
  let ended = false;
  const end = close().finally(() => {
    ended = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(ended).toBe(false);
  release();
  expect(await slow).toBe(200);
  await end;
});

test('a connection that has not asked yet is closed', async () => {
  const { server, close, port } = await listen();
  const socket = connect(port, '127.0.0.1');
  await new Promise<void>((resolve) => server.once('connection', () => resolve()));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.resume();
  await close();
  await closed;
});
