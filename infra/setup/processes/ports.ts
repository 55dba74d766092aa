import { createServer } from 'node:net';

// Not get-port: its current versions are ESM only, and it leaves open the race after looking, which takes most lines
// here.
const HOST = '127.0.0.1';
const TRIES = 3;

/** A TCP port that nothing listens on at 127.0.0.1 right now. */
export async function freePort(): Promise<number> {
  const port = await tryPort(0);
  if (port === undefined) throw new Error('the system has no free TCP port');
  return port;
}

export async function isFree(port: number): Promise<boolean> {
  return (await tryPort(port)) !== undefined;
}

/** The preferred port; or, if it is in use, another one, which is logged. */
export async function preferPort(preferred: number, name: string, log: (line: string) => void): Promise<number> {
  if (await isFree(preferred)) return preferred;
  const port = await freePort();
  log(`Port ${preferred} is in use: ${name} takes ${port} instead`);
  return port;
}

/**
 * Starts something on ports; tries others if it fails and reports one as in use, or one is found to be: between looking
 * and starting, any program may take a port, and leave it again.
 *
 * @param choose - called for ports before each try
 */
export async function onFreePorts<P extends Record<string, number | undefined>, T>(
  choose: () => Promise<P>,
  start: (ports: P) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const ports = await choose();
    try {
      return await start(ports);
    } catch (error) {
      if (attempt >= TRIES || !(saysInUse(error) || (await isOneInUse(ports)))) throw error;
    }
  }
}

/** Looks for the wording of Node and of the C library, since an error's message quotes a program's last lines. */
function saysInUse(error: unknown): boolean {
  return /EADDRINUSE|address (already )?in use/i.test(String(error));
}

async function isOneInUse(ports: Record<string, number | undefined>): Promise<boolean> {
  const inUse = await Promise.all(
    Object.values(ports).map(async (port) => port !== undefined && !(await isFree(port))),
  );
  return inUse.some(Boolean);
}

/** Listens for a moment. Resolves to the port, or undefined if it is in use or not allowed. */
function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: HOST, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined));
    });
  });
}
