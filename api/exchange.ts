import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import type { Logger } from '../infra/log';
import { PROBLEM_TYPE, type Problem, problemBody } from './problems';

const SANE_REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/;

/** Headers of every answer. */
const COMMON_HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

/** One request and its answer, as logs and metrics see it. */
export class Exchange {
  readonly requestId: string;
  readonly startedAt = performance.now();
  /** The template of the matched route: never the path itself, which has no bounded number of values. */
  route = 'unmatched';
  /** Headers that the answer has whatever it is. */
  headers: Record<string, string> = COMMON_HEADERS;
  #log: Logger | undefined;

  constructor(
    requestId: string | undefined,
    private readonly logger: Logger,
  ) {
    this.requestId = requestId !== undefined && SANE_REQUEST_ID.test(requestId) ? requestId : randomUUID();
  }

  /** Made only when something is logged: most requests log nothing. */
  get log(): Logger {
    this.#log ??= this.logger.child({ requestId: this.requestId });
    return this.#log;
  }
}

/** Remembers a request's exchange for {@link exchangeOf}. */
export function attachExchange(res: Response, exchange: Exchange): void {
  res.locals.exchange = exchange;
}

/** The exchange that {@link attachExchange} attached. */
export function exchangeOf(res: Response): Exchange {
  const exchange: unknown = res.locals.exchange;
  if (!(exchange instanceof Exchange)) throw new Error('no exchange was attached to the response');
  return exchange;
}

/** Answers with a body of text, or with none. */
export function send(
  res: Response,
  exchange: Exchange,
  status: number,
  contentType: string | undefined,
  body: string | undefined,
  headers?: Readonly<Record<string, string>>,
): void {
  if (body === undefined || contentType === undefined) {
    res.writeHead(status, { ...exchange.headers, 'x-request-id': exchange.requestId, ...headers });
    res.end();
    return;
  }
  res.writeHead(status, {
    ...exchange.headers,
    'x-request-id': exchange.requestId,
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    ...headers,
  });
  res.end(body);
}

/** Answers with an error. */
export function sendProblem(req: Request, res: Response, problem: Problem): void {
  const exchange = exchangeOf(res);
  const instance = req.originalUrl.split('?', 1)[0] ?? '';
  const body = problemBody(problem, instance, exchange.requestId);
  send(res, exchange, problem.status, PROBLEM_TYPE, body, problem.options.headers);
}
