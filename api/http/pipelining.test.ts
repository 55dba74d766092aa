import { type AddressInfo, connect } from 'node:net';
import express from 'express';
import { createApiServer } from './http-server';

const MOST = 32;

/** A server whose `/slow` answers when a test says so, and `/page` with 64 KiB at once. */
async function listen() {
  const held: (() => void)[] = [];
  const page = 'x'.repeat(65_536);
  let atOnce = 0;
  let most = 0;
  let served = 0;
  const app = express();
  app.use((_request, response, next) => {
    served++;
    most = Math.max(most, ++atOnce);
    response.prependOnceListener('close', () => atOnce--);
    next();
  });
  app.get('/slow', (request, response) => void held.push(() => response.json(request.query.n)));
  app.post('/echo', express.json(), (request, response) => void setImmediate(() => response.json(request.body)));
  app.get('/page', (_request, response) => void setImmediate(() => response.send(page)));
  const server = createApiServer(app, { keepAliveTimeout: 60_000 });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    held,
    url: `http://127.0.0.1:${port}`,
    served: () => served,
    most: () => most,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

function open(port: number) {
  const socket = connect({ port, host: '127.0.0.1' });
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
  });
  return { socket, answers: () => text.split('HTTP/1.1 200 OK').length - 1, text: () => text };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;

test('of hundreds of requests on one connection, 32 are served at once and all are answered in their order', async () => {
  const server = await listen();
  const client = open(server.port);
  client.socket.write(Array.from({ length: 300 }, (_, n) => get(`/slow?n=${n}`)).join(''));
  await until(() => server.held.length === MOST);

  const another = await fetch(`${server.url}/echo`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"a":1}',
  });
  expect(await another.json()).toEqual({ a: 1 });
  expect(server.held).toHaveLength(MOST);

  for (let answered = 0; answered < 300; ) {
    await until(() => server.held.length > 0);
    for (const answer of server.held.splice(0, 5)) answer();
    await until(() => client.answers() > answered);
    answered = client.answers();
    expect(server.held.length).toBeLessThanOrEqual(MOST);
  }
  const order = [...client.text().matchAll(/\r\n\r\n"(\d+)"/g)].map(([, n]) => Number(n));
  expect(order).toEqual(Array.from({ length: 300 }, (_, n) => n));
  client.socket.destroy();
  await server.close();
});

test('bodies that arrive in pieces are read whole, however many requests are pipelined', async () => {
  const server = await listen();
  const client = open(server.port);
  const body = (n: number) => JSON.stringify({ n, filler: 'y'.repeat(10_000) });
  const all = Array.from({ length: 200 }, (_, n) => {
    const text = body(n);
    return `POST /echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
  });
  client.socket.write(all.join(''));
  await until(() => client.answers() === 200);
  const order = [...client.text().matchAll(/\{"n":(\d+),/g)].map(([, n]) => Number(n));
  expect(order).toEqual(Array.from({ length: 200 }, (_, n) => n));
  expect(server.most()).toBeLessThanOrEqual(MOST);
  client.socket.destroy();
  await server.close();
});

test('a client that pipelines without end and reads nothing is not read on, and its requests end with it', async () => {
  const server = await listen();
  const client = open(server.port);
  client.socket.pause();
  const before = process.memoryUsage().rss;
  const lot = get('/page').repeat(1_000);
  let taken = 0;
  const write = () => {
    for (let n = 0; n < 100; n++) client.socket.write(lot, () => taken++);
  };
  write();
  await until(() => server.served() >= MOST);
  let last = -1;
  // Until nothing moves any more: the connection is full in both directions.
  for (let still = 0; still < 20; still = server.served() === last ? still + 1 : 0) {
    last = server.served();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(server.served()).toBeLessThan(1_000);
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  client.socket.destroy();
  const { status } = await fetch(`${server.url}/page`);
  expect(status).toBe(200);
  await server.close();
});
