import { randomUUID } from 'node:crypto';
import type { OutgoingHttpHeaders } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import type { Logger } from '../../infra/log';
import { PROBLEM_TYPE, type Problem, type ProblemCode, problemBody } from './problems';

const SANE_REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/;

/** A client that reads nothing of an answer for this long is cut off. */
const STALLED_MS = 60_000;

/** What a rate limit says of itself with every answer. */
export interface RateHeaders {
  policy: string;
  state: string;
}

/** One request and its answer, as logs and metrics see it. */
export class Exchange {
  readonly requestId: string;
  readonly startedAt = performance.now();
  /** The template of the matched route: never the path itself, which has no limit of values. */
  route = 'unmatched';
  /** Absent while no rate is limited. */
  rate: RateHeaders | undefined;
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

/** One object, each header set once: spreading three into each other took 3 µs a request. */
function headersOf({ rate, requestId }: Exchange, { contentType, body, headers }: Answer): OutgoingHttpHeaders {
  const all: OutgoingHttpHeaders = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
  if (rate !== undefined) {
    all['ratelimit-policy'] = rate.policy;
    all.ratelimit = rate.state;
  }
  all['x-request-id'] = requestId;
  if (body !== undefined && contentType !== undefined) all['content-type'] = contentType;
  for (const name in headers) all[name] = headers[name];
  return all;
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

/** An answer that can be sent. */
export interface Answer {
  status: number;
  /** Absent where there is no body. */
  contentType?: string | undefined;
  /** A text, whole or piece by piece. */
  body?: string | AsyncIterable<string> | undefined;
  headers?: Readonly<Record<string, string>> | undefined;
  /** What went wrong, if it is an error. */
  problem?: ProblemCode;
}

export function send(res: Response, exchange: Exchange, answer: Answer): void {
  const { status, body } = answer;
  const headers = headersOf(exchange, answer);
  if (body === undefined || typeof body === 'string') {
    if (body !== undefined) headers['content-length'] = Buffer.byteLength(body);
    res.writeHead(status, headers);
    res.end(body);
    return;
  }
  res.writeHead(status, headers);
  if (res.req.method === 'HEAD') res.end();
  else sendPieces(res, exchange, body);
}

/** An answer that has begun cannot be taken back: one that fails half-way is cut off, which the client notices. */
function sendPieces(res: Response, exchange: Exchange, pieces: AsyncIterable<string>): void {
  res.setTimeout(STALLED_MS, () => res.destroy());
  pipeline(pieces, res).catch((error: unknown) => {
    if (!res.destroyed) res.destroy();
    exchange.log.warn({ err: error, route: exchange.route }, 'an answer ended half-way');
  });
}

/** The answer for an error. */
export function problemAnswer(req: Request, exchange: Exchange, problem: Problem): Answer {
  const instance = req.originalUrl.split('?', 1)[0] ?? '';
  return {
    status: problem.status,
    contentType: PROBLEM_TYPE,
    body: problemBody(problem, instance, exchange.requestId),
    headers: problem.options.headers,
    problem: problem.code,
  };
}

/** Answers with an error. */
export function sendProblem(req: Request, res: Response, problem: Problem): void {
  const exchange = exchangeOf(res);
  send(res, exchange, problemAnswer(req, exchange, problem));
}
