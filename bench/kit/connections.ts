import { clockMs } from './clock';
import { type Answered, Connection } from './connection';

export interface ConnectionsOptions {
  port: number;
  /** Most connections. Further requests wait for one, in order. */
  max: number;
  /** Milliseconds until a request without an answer is given up. */
  timeoutMs: number;
}

interface Waiting {
  request: Buffer;
  answered: Answered;
}

const LOOK_EVERY_MS = 250;

/** Keep-alive connections to one server. The most recently used goes first, so that a low rate uses few. */
export class Connections {
  readonly #free: Connection[] = [];
  readonly #all: Connection[] = [];
  readonly #looks: NodeJS.Timeout;
  #waiting: Waiting[] = [];
  #next = 0;

  constructor(private readonly options: ConnectionsOptions) {
    this.#looks = setInterval(() => this.#giveUp(), LOOK_EVERY_MS).unref();
  }

  send(request: Buffer, answered: Answered): void {
    const connection = this.#free.pop() ?? this.#open();
    if (connection === undefined) this.#waiting.push({ request, answered });
    else connection.send(request, clockMs(), answered);
  }

  close(): void {
    clearInterval(this.#looks);
    for (const connection of this.#all) connection.destroy('closed');
  }

  #open(): Connection | undefined {
    if (this.#all.length >= this.options.max) return undefined;
    const connection = new Connection(this.options.port, (free) => this.#release(free));
    this.#all.push(connection);
    return connection;
  }

  #release(connection: Connection): void {
    const next = this.#waiting[this.#next];
    if (next === undefined) {
      this.#waiting = [];
      this.#next = 0;
      this.#free.push(connection);
      return;
    }
    this.#next++;
    connection.send(next.request, clockMs(), next.answered);
  }

  #giveUp(): void {
    const before = clockMs() - this.options.timeoutMs;
    for (const connection of this.#all)
      if (connection.busy && connection.sentAt < before) connection.destroy('timeout');
  }
}
