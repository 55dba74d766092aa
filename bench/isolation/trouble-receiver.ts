// The bad receivers of a run, as a process of their own. Bare sockets: it has to hold thousands of them, and must not be
// what slows the run down.
//
//   first port    accepts a connection, reads the request and never answers
//   second port   answers with headers at once and then with one byte a second
//   third port    HTTP: what it holds now, and the most it held at a time
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';

const HOST = '127.0.0.1';
/** As many as the system allows: a connection that waits to be accepted would look like another fault. */
const BACKLOG = 4_096;
const DRIP_EVERY_MS = 1_000;
const DRIP_HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 1000000\r\n\r\n';

const [hangPort = 0, dripPort = 0, statusPort = 0] = [
  process.env.BENCH_HANG_PORT,
  process.env.BENCH_DRIP_PORT,
  process.env.BENCH_TROUBLE_PORT,
].map(Number);

/** The sockets of one kind. */
class Held {
  readonly sockets = new Set<Socket>();
  connections = 0;
  most = 0;

  add(socket: Socket): void {
    this.connections++;
    this.sockets.add(socket);
    this.most = Math.max(this.most, this.sockets.size);
    socket.on('error', () => {});
    socket.on('close', () => this.sockets.delete(socket));
  }

  toJSON() {
    return { connections: this.connections, open: this.sockets.size, mostOpen: this.most };
  }
}

const hanging = new Held();
const accepted = new Held();
const dripping = new Set<Socket>();

const hang = createServer((socket) => {
  hanging.add(socket);
  socket.resume();
});

const drip = createServer((socket) => {
  accepted.add(socket);
  socket.once('data', () => {
    socket.write(DRIP_HEAD);
    dripping.add(socket);
    socket.resume();
  });
  socket.on('close', () => dripping.delete(socket));
});

setInterval(() => {
  for (const socket of dripping) socket.write('.');
}, DRIP_EVERY_MS);

const status = createHttpServer((_req, res) => {
  const body = JSON.stringify({ hanging, dripping: accepted });
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  res.end(body);
});

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, BACKLOG, resolve);
  });
}

Promise.all([listen(hang, hangPort), listen(drip, dripPort)])
  .then(() => listen(status, statusPort))
  .catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
