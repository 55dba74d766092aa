import { connect, type Socket } from 'node:net';

/** Called with the answer; status 0 when there was none, with the reason as its body. */
export type Answered = (status: number, body: string) => void;

const HEAD_END = '\r\n\r\n';

/**
 * One keep-alive HTTP/1.1 connection with one request under way at a time. Bare sockets instead of an HTTP client: the
 * load generator runs beside what it measures, and has to cost little.
 */
export class Connection {
  #socket: Socket | undefined;
  #answered: Answered | undefined;
  #text = '';
  /** When the request under way was sent, on the caller's clock. */
  sentAt = 0;

  constructor(
    private readonly port: number,
    private readonly onFree: (connection: Connection) => void,
  ) {}

  send(request: Buffer, sentAt: number, answered: Answered): void {
    this.#answered = answered;
    this.#text = '';
    this.sentAt = sentAt;
    this.#socket ??= this.#open();
    this.#socket.write(request);
  }

  get busy(): boolean {
    return this.#answered !== undefined;
  }

  /** Ends it; a request under way is answered 0. */
  destroy(reason: string): void {
    this.#socket?.destroy();
    this.#lost(this.#socket, reason);
  }

  #open(): Socket {
    const socket = connect({ host: '127.0.0.1', port: this.port, noDelay: true });
    let reason = 'closed';
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      reason = error.code ?? error.message;
    });
    socket.on('close', () => this.#lost(socket, reason));
    return socket;
  }

  #read(chunk: Buffer): void {
    this.#text += chunk.toString('latin1');
    const end = this.#text.indexOf(HEAD_END);
    if (end === -1) return;
    const head = this.#text.slice(0, end);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) {
      this.destroy('an answer without content-length');
      return;
    }
    const bodyAt = end + HEAD_END.length;
    if (this.#text.length < bodyAt + Number(length)) return;
    const closes = /\r\nconnection: *close/i.test(head);
    this.#answer(Number(head.slice(9, 12)), this.#text.slice(bodyAt), closes);
  }

  #answer(status: number, body: string, closes: boolean): void {
    if (closes) {
      this.#socket?.destroy();
      this.#socket = undefined;
    }
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.(status, body);
    if (!this.busy) this.onFree(this);
  }

  #lost(socket: Socket | undefined, reason: string): void {
    if (socket === undefined || socket !== this.#socket) return;
    this.#socket = undefined;
    if (this.busy) this.#answer(0, reason, false);
  }
}
