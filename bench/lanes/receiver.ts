import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { clockMs } from '../kit/clock';

/** One receiver with two addresses: `/fast` answers at once, `/narrow` takes a few requests at a time, each for a while. */
export interface LanesReceiver {
  url(path: 'fast' | 'narrow'): string;
  /** When each message came in, by its mark; those of bulk have none and are counted only. */
  arrivedAt: Map<string, number>;
  bulk(): number;
  close(): Promise<void>;
}

export interface Narrowness {
  atOnce: number;
  eachMs: number;
}

export async function startLanesReceiver({ atOnce, eachMs }: Narrowness): Promise<LanesReceiver> {
  const arrivedAt = new Map<string, number>();
  const waiting: (() => void)[] = [];
  let serving = 0;
  let bulk = 0;
  const serve = (answer: () => void) => {
    serving++;
    setTimeout(() => {
      answer();
      serving--;
      const next = waiting.shift();
      if (next !== undefined) serve(next);
    }, eachMs);
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const mark = /"mark":"([^"]+)"/.exec(Buffer.concat(chunks).toString())?.[1];
      if (mark === undefined) bulk++;
      else if (!arrivedAt.has(mark)) arrivedAt.set(mark, clockMs());
      const answer = () => response.writeHead(200).end();
      if (request.url === '/fast') answer();
      else if (serving < atOnce) serve(answer);
      else waiting.push(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (path) => `http://127.0.0.1:${port}/${path}`,
    arrivedAt,
    bulk: () => bulk,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
