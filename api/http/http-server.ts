import { randomUUID } from 'node:crypto';
import {
  createServer,
  IncomingMessage,
  type Server,
  type ServerOptions,
  ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Duplex } from 'node:stream';
import type { Express } from 'express';
import { grouped } from '../../core/grouped';
import { boundPipelining } from '../../infra/http/pipelining';
import { PROBLEM_TYPE, Problem, problemBody } from './problems';

const MAX_HEADER_BYTES = 16_384;
/** Those that some path has. */
const METHODS = 'GET, HEAD, POST, PATCH, DELETE, OPTIONS';

/**
 * Makes the HTTP server of an app.
 *
 * Express gives every request and response another prototype, which makes them slow objects: measured on Node 20, a POST
 * with a 1 kB JSON body costs 91 µs of processor time that way and 23 µs when they are created with the prototypes
 * that Express would give them.
 *
 * Of one connection's pipelined requests a few are served at once (see `pipelining.ts`).
 *
 * @param options - as for `http.createServer`: timeouts and such; headers are bounded to 16 KiB
 */
export function createApiServer(app: Express, options: ServerOptions = {}): Server {
  class ApiRequest extends IncomingMessage {}
  class ApiResponse extends ServerResponse {}
  Object.setPrototypeOf(ApiRequest.prototype, app.request);
  Object.setPrototypeOf(ApiResponse.prototype, app.response);
  Object.assign(app, { request: ApiRequest.prototype, response: ApiResponse.prototype });

  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      // The app refuses what lacks one, in its own form.
      requireHostHeader: false,
      ...options,
      IncomingMessage: ApiRequest,
      ServerResponse: ApiResponse,
    },
    boundPipelining(app),
  );
  server.on('clientError', refuseMalformed);
  // Node answers these by itself, without a body, if nobody listens.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  server.on('connect', (_request, socket: Duplex) => {
    socket.on('error', () => socket.destroy());
    answer(socket, new Problem('method-not-allowed', { headers: { allow: METHODS } }));
  });
  return server;
}

function problemOfParser(code: string | undefined): Problem {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Problem('request-timeout');
  if (code !== 'HPE_HEADER_OVERFLOW') return new Problem('malformed-request');
  const detail = `The headers may have ${grouped(MAX_HEADER_BYTES)} bytes; these have more. Send fewer or shorter ones.`;
  return new Problem('headers-too-large', { detail });
}

/** What Node's parser refuses never becomes a request; it is still answered in the API's own form. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  answer(socket, problemOfParser(error.code));
}

/** Answers on the bare connection, and closes it. */
function answer(socket: Duplex, problem: Problem): void {
  const requestId = randomUUID();
  const body = problemBody(problem, '', requestId);
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n` +
      `content-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
      Object.entries(problem.options.headers ?? {})
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('') +
      `x-request-id: ${requestId}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n${body}`,
    // Of a request that came too late nothing more is read.
    () => socket.destroy(),
  );
}
