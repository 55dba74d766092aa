import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from './receiver';

/** A receiver that answers when the test says so. */
export interface HeldReceiver {
  url: string;
  /** Requests so far. */
  received: number;
  /** Resolves when a request waits for its answer. */
  waiting(): Promise<void>;
  /** Answers every request that waits. */
  answer(status: number): void;
  close(): Promise<void>;
}

/** Starts a real HTTP server on loopback that holds every answer back until it is told. */
export async function startHeldReceiver(): Promise<HeldReceiver> {
  const held: ServerResponse[] = [];
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      receiver.received++;
      held.push(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const receiver: HeldReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/held`,
    received: 0,
    waiting: () => eventually(() => (held.length > 0 ? true : undefined)).then(() => undefined),
    answer: (status) => {
      for (const response of held.splice(0)) response.writeHead(status).end();
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return receiver;
}
