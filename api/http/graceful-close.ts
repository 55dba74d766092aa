import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const IDLE_CHECK_MS = 50;

/**
 * Lets a server close without a client holding it up. Node alone serves a connection for as long as its client keeps
 * asking, and waits for those that have not asked yet.
 *
 * @param server - before it listens
 * @returns a function that closes it: takes no more connections, answers what is under way, and closes each connection
 *   with its next answer or when it is idle. Resolves when all are closed, which the server's deadlines bound.
 */
export function gracefulClose(server: Server): () => Promise<void> {
  const connections = new Set<Socket>();
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });

  function closeIdle(): void {
    server.closeIdleConnections();
    for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
  }

  return async () => {
    server.prependListener('request', (_request, response: ServerResponse) => {
      response.setHeader('connection', 'close');
    });
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    closeIdle();
    const again = setInterval(closeIdle, IDLE_CHECK_MS);
    await closed;
    clearInterval(again);
  };
}
