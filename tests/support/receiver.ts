import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedRequest {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  at: number;
}

/** How a receiver answers one request. `delayMs` holds the answer back; `status: 0` destroys the connection. */
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string;
  delayMs?: number;
}

export interface TestReceiver {
  url: string;
  received: ReceivedRequest[];
  /** Answers the next requests with these, one each, then 200. */
  script(...answers: Answer[]): void;
  /** Answers every request as this says, until told otherwise. */
  always(answer: Answer | ((request: ReceivedRequest) => Answer)): void;
  /** Resolves when so many requests came in. @throws after `timeoutMs` */
  waitFor(count: number, timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

/** How long a busy machine may take over what takes a moment. Less than a test may take, so that the failure says what did not come. */
export const PATIENCE_MS = 60_000;

/** A real HTTP server on loopback that receives webhooks. */
export async function startReceiver(): Promise<TestReceiver> {
  const received: ReceivedRequest[] = [];
  const scripted: Answer[] = [];
  let fallback: (request: ReceivedRequest) => Answer = () => ({ status: 200 });
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const entry = {
        path: request.url ?? '/',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
        at: Date.now(),
      };
      received.push(entry);
      const answer = scripted.shift() ?? fallback(entry);
      const reply = () => {
        if (answer.status === 0) request.socket.destroy();
        else response.writeHead(answer.status, answer.headers).end(answer.body ?? '');
      };
      if (answer.delayMs === undefined) reply();
      else setTimeout(reply, answer.delayMs);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    script: (...answers) => {
      scripted.push(...answers);
    },
    always: (answer) => {
      fallback = typeof answer === 'function' ? answer : () => answer;
    },
    waitFor: (count, timeoutMs = PATIENCE_MS) =>
      eventually(
        () => (received.length >= count ? true : undefined),
        timeoutMs,
        () => `${received.length} of ${count} received`,
      ).then(() => undefined),
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Tries again until there is a result, ever more rarely: a wait that is long costs little. @throws after `timeoutMs`, with what `state` says */
export async function eventually<T>(
  ask: () => T | undefined | Promise<T | undefined>,
  timeoutMs = PATIENCE_MS,
  state: () => string = () => '',
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (let pauseMs = 20; ; pauseMs = Math.min(100, pauseMs * 1.05)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`it did not come to pass within ${timeoutMs} ms: ${state()}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
