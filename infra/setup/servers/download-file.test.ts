import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type DownloadDeadlines, downloadFile } from './download-file';

const CONTENT = Buffer.from('Temporal '.repeat(20_000));
const CONTENT_SHA256 = createHash('sha256').update(CONTENT).digest('hex');
const LONG: DownloadDeadlines = { connectMs: 20_000, silentMs: 20_000, totalMs: 20_000 };

let folder: string;
let closers: (() => void)[];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'waybill-download-'));
  closers = [];
});
afterEach(() => {
  for (const close of closers) close();
  rmSync(folder, { recursive: true, force: true });
});

/** Listens on 127.0.0.1 until the test ends. Resolves to the port. */
async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

const hostWith = async (answer: RequestListener) => `http://127.0.0.1:${await listen(createServer(answer))}/file`;
const serves: RequestListener = (_request, response) => response.end(CONTENT);

interface Wanted {
  deadlines?: Partial<DownloadDeadlines>;
  env?: NodeJS.ProcessEnv;
  mostBytes?: number;
  signal?: AbortSignal;
  onProgress?: (received: number, total: number | undefined) => void;
}

function download(url: string, { deadlines, env = {}, mostBytes = 1e9, signal, onProgress = () => {} }: Wanted = {}) {
  const target = path.join(folder, 'target');
  return downloadFile({ url, target, mostBytes, deadlines: { ...LONG, ...deadlines }, env, signal, onProgress });
}

test('a file comes whole, over a redirection, with its progress and its checksum', async () => {
  const url = await hostWith((request, response) => {
    if (request.url === '/elsewhere') response.writeHead(200, { 'content-length': CONTENT.length }).end(CONTENT);
    else response.writeHead(302, { location: '/elsewhere' }).end();
  });
  const progress: [number, number | undefined][] = [];
  expect(await download(url, { onProgress: (...now) => progress.push(now) })).toBe(CONTENT_SHA256);
  expect(readFileSync(path.join(folder, 'target'))).toEqual(CONTENT);
  expect(progress.at(-1)).toEqual([CONTENT.length, CONTENT.length]);
});

test('a host that closes while its last bytes are still to be written is no trouble', async () => {
  // A pipe that nobody reads yet holds up the writing; the body is two reads long, and the second fills the buffer.
  execFileSync('mkfifo', [path.join(folder, 'target')]);
  const body = Buffer.alloc(2 * 65_536, CONTENT);
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`);
      setImmediate(() => setImmediate(() => socket.end(body)));
    });
  });
  const closed = new Promise<void>((resolve) => server.once('connection', (socket) => socket.once('close', resolve)));
  const sum = download(`http://127.0.0.1:${await listen(server)}/`);
  await closed;
  const read = readFile(path.join(folder, 'target'));
  expect(await sum).toBe(createHash('sha256').update(body).digest('hex'));
  expect((await read).equals(body)).toBe(true);
});

test('a host that refuses is given up at once', async () => {
  const server = createTcpServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  await expect(download(`http://127.0.0.1:${port}/`)).rejects.toThrow(`connect ECONNREFUSED 127.0.0.1:${port}`);
});

test('a host with which no connection comes about is given up', async () => {
  const mute = await listen(createTcpServer());
  const start = download(`https://127.0.0.1:${mute}/`, { deadlines: { connectMs: 100 } });
  await expect(start).rejects.toThrow(/^Connect Timeout Error/);
});

test('a host that connects and never answers is given up', async () => {
  const url = await hostWith(() => {});
  await expect(download(url, { deadlines: { silentMs: 100 } })).rejects.toThrow('nothing came for 0.1 s');
});

test('a host that falls silent in the middle is given up', async () => {
  const url = await hostWith((_request, response) => response.write(CONTENT));
  await expect(download(url, { deadlines: { silentMs: 300 } })).rejects.toThrow('nothing came for 0.3 s');
});

test('a host that never ends is given up', async () => {
  const url = await hostWith((_request, response) => {
    const drip = setInterval(() => response.write('drop'), 20);
    response.on('close', () => clearInterval(drip));
  });
  await expect(download(url, { deadlines: { totalMs: 300 } })).rejects.toThrow('it took longer than 0.3 s');
});

test.each<[string, Record<string, string | number>]>([
  ['whose length was told', { 'content-length': CONTENT.length }],
  ['whose length was not told', {}],
])('a file %s and that breaks off has not come', async (_what, headers) => {
  const url = await hostWith((_request, response) => {
    response.writeHead(200, headers);
    response.write(CONTENT.subarray(0, 1_000), () => response.destroy());
  });
  await expect(download(url)).rejects.toThrow(/^(other side closed|terminated)$/);
});

test('more than is wanted is not taken', async () => {
  await expect(download(await hostWith(serves), { mostBytes: 1_000 })).rejects.toThrow('more than the 1000 bytes');
});

test('what is not there has not come', async () => {
  const url = await hostWith((_request, response) => response.writeHead(404).end('no such file'));
  await expect(download(url)).rejects.toThrow('the host answered 404');
});

test('redirections that lead in a circle end', async () => {
  const url = await hostWith((_request, response) => response.writeHead(302, { location: '/file' }).end());
  await expect(download(url)).rejects.toThrow(/^Redirect loop detected/);
});

test('interrupted, it fails with the reason', async () => {
  const interrupt = new AbortController();
  const url = await hostWith(() => interrupt.abort(new Error('enough')));
  await expect(download(url, { signal: interrupt.signal })).rejects.toThrow('enough');
});

describe('a proxy', () => {
  /** A proxy that forwards to anywhere and records where to. */
  async function proxy(): Promise<{ url: string; passed: string[] }> {
    const passed: string[] = [];
    const server = createServer().on('connect', ({ url = '' }, client) => {
      passed.push(url);
      const [host = '', port] = url.split(':');
      const onward = connect(Number(port), host, () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        onward.pipe(client).pipe(onward);
      });
      for (const socket of [client, onward]) socket.on('error', () => {});
      closers.push(() => onward.destroy());
    });
    return { url: `http://127.0.0.1:${await listen(server)}`, passed };
  }

  test.each(['HTTP_PROXY', 'http_proxy'])('that %s names is used', async (name) => {
    const url = await hostWith(serves);
    const { url: proxyUrl, passed } = await proxy();
    expect(await download(url, { env: { [name]: proxyUrl } })).toBe(CONTENT_SHA256);
    expect(passed).toEqual([new URL(url).host]);
  });

  test('is not used for a host that NO_PROXY names', async () => {
    const { url: proxyUrl, passed } = await proxy();
    const env = { HTTP_PROXY: proxyUrl, NO_PROXY: '127.0.0.1' };
    expect(await download(await hostWith(serves), { env })).toBe(CONTENT_SHA256);
    expect(passed).toEqual([]);
  });

  test('that never answers is given up', async () => {
    const mute = createServer().on('connect', () => {});
    const env = { HTTPS_PROXY: `http://127.0.0.1:${await listen(mute)}` };
    const start = download('https://127.0.0.1:1/', { env, deadlines: { silentMs: 100 } });
    await expect(start).rejects.toThrow('nothing came for 0.1 s');
  });
});
