import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests of one connection that are served at once. Browsers and HTTP clients send one; some tools pipeline ten. */
const MOST_UNANSWERED = 32;

type Request = IncomingMessage;
type Response = ServerResponse<IncomingMessage> & { req: IncomingMessage };

/** The requests of one connection that have no answer yet. */
interface Line {
  unanswered: number;
  waiting: { request: Request; response: Response }[];
}

/**
 * Bounds the requests of one connection that are served at once. A client may send its next requests before it has an
 * answer (pipelining, RFC 9112 9.3.2), and Node begins all that it has read: a thousand on one connection took memory and
 * processor time from every other client. Beyond the bound a request waits for its turn, and nothing more is read from
 * the connection meanwhile; what has been read already, 64 KiB at most, is all that waits.
 */
export function boundPipelining(serve: RequestListener, most = MOST_UNANSWERED): RequestListener {
  const lines = new WeakMap<Socket, Line>();

  function lineOf(socket: Socket): Line {
    let line = lines.get(socket);
    if (line === undefined) {
      line = { unanswered: 0, waiting: [] };
      lines.set(socket, line);
    }
    return line;
  }

  function begin(line: Line, request: Request, response: Response): void {
    line.unanswered++;
    response.once('close', () => {
      line.unanswered--;
      goOn(request.socket, line);
    });
    serve(request, response);
  }

  function goOn(socket: Socket, line: Line): void {
    if (line.waiting.length === 0) return;
    if (socket.destroyed) line.waiting = [];
    while (line.unanswered < most) {
      const next = line.waiting.shift();
      if (next === undefined) break;
      begin(line, next.request, next.response);
    }
    if (line.waiting.length === 0) socket.resume();
  }

  return (request, response) => {
    const { socket } = request;
    const line = lineOf(socket);
    if (line.unanswered < most && line.waiting.length === 0) {
      begin(line, request, response);
      return;
    }
    line.waiting.push({ request, response });
    socket.pause();
  };
}
