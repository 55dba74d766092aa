// The receiver of every webhook of a run, as a process of its own: bare node:http, answers at once, and remembers when
// each message came in. Queried over HTTP.
//
//   POST /in/<endpoint>[?fail=<share>]  a webhook; with `fail`, this share is answered 500 and not counted
//   POST /in/<endpoint>?failFirst=<n>   the same; the first time that every n-th message comes in, it is answered 500
//   GET  /steps/<step>/count            distinct (endpoint, message) pairs that came in
//   GET  /steps/<step>                  an ArrivalsReport for each endpoint
//   GET  /steps/<step>/refused          the same for what `failFirst` refused
//   POST /delay/<ms>                    from now on, webhooks are answered so much later than they came in
//   POST /second/down, /second/up       close and open the second port, which serves the same
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { Arrivals } from './arrivals';
import { clockMs } from './clock';
import { MARK_WITHIN, readMark } from './mark';

const HOST = '127.0.0.1';
const KEEP_ALIVE_MS = 65_000;

type Steps = Map<number, Map<number, Arrivals>>;

const steps: Steps = new Map();
/** What was answered 500 because it came in for the first time. */
const refused: Steps = new Map();

let delayMs = 0;

const answer: RequestListener = (req, res) => {
  const [, place, name, what] = (req.url ?? '').split(/[/?]/);
  if (place === 'in') receive(req, res, Number(name));
  else if (place === 'steps') {
    tell(res, (what === 'refused' ? refused : steps).get(Number(name)) ?? new Map(), what === 'count');
  } else if (place === 'delay') {
    delayMs = Number(name);
    reply(res, 200);
  } else if (place === 'second') void turn(name === 'up').then(() => reply(res, 200));
  else reply(res, place === '' ? 200 : 404);
};

const second = server();
const ports = [process.env.BENCH_RECEIVER_PORT, process.env.BENCH_RECEIVER_SECOND_PORT].map(Number);

function server(): Server {
  return createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, answer);
}

function receive(req: IncomingMessage, res: ServerResponse, endpoint: number): void {
  let head: Buffer | undefined;
  req.on('data', (chunk: Buffer) => {
    if (head === undefined) head = chunk;
    else if (head.length < MARK_WITHIN) head = Buffer.concat([head, chunk]);
  });
  req.on('end', () => {
    const at = clockMs();
    const share = /\bfail=([\d.]+)/.exec(req.url ?? '')?.[1];
    if (share !== undefined && Math.random() < Number(share)) {
      respond(res, 500);
      return;
    }
    const mark = head === undefined ? undefined : readMark(head);
    if (mark === undefined) {
      respond(res, 200);
      return;
    }
    const id = req.headers['webhook-id'];
    const every = /\bfailFirst=(\d+)/.exec(req.url ?? '')?.[1];
    const fails = every !== undefined && mark.sequence % Number(every) === 0 && !knows(mark, endpoint);
    const arrivals = arrivalsOf(fails ? refused : steps, mark.step, endpoint);
    arrivals.add(mark.sequence, at, typeof id === 'string' ? id : '');
    respond(res, fails ? 500 : 200);
  });
}

function respond(res: ServerResponse, status: number): void {
  if (delayMs === 0) reply(res, status);
  else setTimeout(() => reply(res, status), delayMs);
}

function knows({ step, sequence }: { step: number; sequence: number }, endpoint: number): boolean {
  return refused.get(step)?.get(endpoint)?.has(sequence) === true;
}

function arrivalsOf(among: Steps, step: number, endpoint: number): Arrivals {
  let endpoints = among.get(step);
  if (endpoints === undefined) {
    endpoints = new Map();
    among.set(step, endpoints);
  }
  let arrivals = endpoints.get(endpoint);
  if (arrivals === undefined) {
    arrivals = new Arrivals();
    endpoints.set(endpoint, arrivals);
  }
  return arrivals;
}

function tell(res: ServerResponse, endpoints: Map<number, Arrivals>, countOnly: boolean): void {
  if (countOnly) {
    let distinct = 0;
    for (const arrivals of endpoints.values()) distinct += arrivals.distinct;
    reply(res, 200, JSON.stringify({ distinct }));
  } else reply(res, 200, JSON.stringify(Object.fromEntries(endpoints)));
}

async function turn(up: boolean): Promise<void> {
  if (up === second.listening) return;
  if (up) {
    await listen(second, ports[1] ?? 0);
    return;
  }
  await new Promise<void>((resolve) => {
    second.close(() => resolve());
    second.closeAllConnections();
  });
}

function reply(res: ServerResponse, status: number, body = ''): void {
  res.writeHead(status, { 'content-length': Buffer.byteLength(body) });
  res.end(body);
}

function listen(target: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    target.once('error', reject);
    target.listen(port, HOST, 1_024, resolve);
  });
}

Promise.all([listen(server(), ports[0] ?? 0), listen(second, ports[1] ?? 0)]).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
