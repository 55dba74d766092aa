import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { boundPipelining } from '../http/pipelining';

const MAX_HEADER_BYTES = 16_384;
/** Nobody has a body to send here, so a request is there at once. */
const REQUEST_TIMEOUT_MS = 20_000;
const TIMEOUT_CHECK_MS = 5_000;
const METHODS = 'GET, HEAD';
const PROBLEM_TYPE = 'application/problem+json';

/** What a page answers. */
export interface Page {
  status: number;
  type: string;
  body: string;
}

export interface PageServerOptions {
  host: string;
  /** 0 for any. */
  port: number;
  /** Makes each page, by its path. */
  pages: Readonly<Record<string, () => Promise<Page>>>;
  /** Told of a page that could not be made; who asked learns no more than that. */
  onError?: (error: unknown, path: string) => void;
}

/**
 * Serves a few pages for those who operate Waybill, on a listener of their own, with the bounds of the API's listener. What
 * it does not have is refused as the API refuses it: with a status that says so, and a body of `application/problem+json`.
 *
 * @throws Error when the port is in use
 */
export async function startPageServer({ host, port, pages, onError }: PageServerOptions): Promise<Server> {
  const paths = Object.keys(pages);
  const nothingHere = `Only ${new Intl.ListFormat('en').format(paths)} ${paths.length === 1 ? 'is' : 'are'} here.`;

  async function answerOf({
    url = '',
    method = '',
    httpVersion,
    headers,
    rawHeaders,
  }: IncomingMessage): Promise<Answer> {
    const hosts = countOf(rawHeaders, 'host');
    if (hosts > 1 || (hosts === 0 && httpVersion !== '1.0')) return problem(400, 'Send one Host header.');
    const [path = ''] = url.split('?', 1);
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (page === undefined) return problem(404, nothingHere);
    if (method !== 'GET' && method !== 'HEAD') return notAllowed(method);
    if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue') {
      return problem(417, 'Leave the header Expect out.');
    }
    try {
      const { status, type, body } = await page();
      return { status, headers: { 'content-type': type }, body };
    } catch (error) {
      onError?.(error, path);
      return problem(500, 'The page could not be made. Ask again later.');
    }
  }

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const sent = answerOf(request).then(({ status, headers, body }) => {
      // A body that comes with the request is not read.
      const close = request.complete || !hasBody(request) ? {} : { connection: 'close' };
      response.writeHead(status, { ...headers, ...COMMON, ...close, 'content-length': Buffer.byteLength(body) });
      response.end(body);
    });
    sent.catch((error: unknown) => request.destroy(error instanceof Error ? error : undefined));
  }

  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      requireHostHeader: false,
    },
    boundPipelining(serve),
  );
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') socket.destroy();
    else answerBare(socket, problemOfParser(error.code));
  });
  // Node answers these by itself, without a body, if nobody listens.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  server.on('connect', (_request, socket: Duplex) => {
    socket.on('error', () => socket.destroy());
    answerBare(socket, notAllowed('CONNECT'));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return server;
}

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

const COMMON = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

function problem(status: number, detail: string, headers: Record<string, string> = {}): Answer {
  const body = { type: 'about:blank', title: STATUS_CODES[status], status, detail };
  return { status, headers: { 'content-type': PROBLEM_TYPE, ...headers }, body: `${JSON.stringify(body)}\n` };
}

function notAllowed(method: string): Answer {
  return problem(405, `It can be read with ${METHODS}, not with ${method}.`, { allow: METHODS });
}

function problemOfParser(code: string | undefined): Answer {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return problem(408, 'The request took too long to arrive.');
  if (code === 'HPE_HEADER_OVERFLOW') return problem(431, `The headers may have ${MAX_HEADER_BYTES} bytes.`);
  return problem(400, 'Send a valid HTTP request.');
}

function answerBare(socket: Duplex, { status, headers, body }: Answer): void {
  const all = { ...headers, ...COMMON, 'content-length': Buffer.byteLength(body), connection: 'close' };
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head.join('')}\r\n${body}`, () => socket.destroy());
}

function countOf(rawHeaders: readonly string[], name: string): number {
  return rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === name).length;
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
