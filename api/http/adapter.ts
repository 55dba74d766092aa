import { isUtf8 } from 'node:buffer';
import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import { duplicateMember } from '../../core/duplicate-member';
import type { Authenticator, Principal, UnknownKeyGuard } from '../../domains/accounts';
import { addressGroup } from './client-address';
import { decodeText } from './decode-text';
import { type Answer, type Exchange, exchangeOf, problemAnswer, send, sendProblem } from './exchange';
import { NOT_UTF8, problemOf } from './failures';
import { fingerprintOf } from './idempotency/fingerprint';
import type { Idempotency } from './idempotency/idempotency';
import { idempotencyKeyOf } from './idempotency/key';
import { Problem } from './problems';
import type { RateLimiter } from './rate-limit';
import { lacksScope, unauthenticated } from './refusals';
import { type RawInput, type Route, type RouteResult, takesBody } from './route';
import { pointerTo } from './validation';

export interface AdapterDeps {
  authenticator: Authenticator;
  /** Counts by tenant. */
  rateLimiter: RateLimiter;
  /** Counts API keys that are none, by the client's address. */
  unknownKeyLimiter: RateLimiter;
  idempotency: Idempotency;
  /** Largest body that is read. */
  maxBodyBytes: number;
}

const JSON_TYPE = 'application/json';
const JSON_WITH_CHARSET = 'application/json; charset=utf-8';

/**
 * Makes the Express routes of a table. A request's checks run in the order of their cost: method and path, key,
 * rate, scope, idempotency key, media type, body, schema. Only then is an idempotency key claimed and the request
 * executed, and its answer is stored before it is sent.
 */
export function mountRoutes(app: Express, routes: readonly Route[], deps: AdapterDeps): void {
  for (const route of routes) app[route.method](expressPath(route.path), handlerOf(route, deps));
  for (const [path, methods] of methodsByPath(routes)) app.route(path).all(refuseMethod(methods));
}

/** `/v1/endpoints/{id}` as Express writes it. */
export function expressPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

function handlerOf(route: Route, deps: AdapterDeps): RequestHandler {
  const { scope } = route;
  const mediaTypes = route.mediaTypes ?? [JSON_TYPE];
  const name = `${route.method.toUpperCase()} ${route.path}`;
  const limit = route.maxBodyBytes ?? deps.maxBodyBytes;
  const verify = route.unambiguous === true ? refuseAmbiguous : refuseOtherThanUtf8;
  const readJson = express.json({ limit, strict: false, type: () => true, verify });
  const verifyText = route.bodyAsText === true ? verify : refuseOtherThanUtf8;
  const readBytes = express.raw({ limit, type: () => true });
  const readText = express.text({ limit, type: () => true, verify: verifyText });

  async function serve(req: Request, exchange: Exchange, res: Response): Promise<Answer> {
    let principal: Principal | undefined;
    let key: string | undefined;
    if (scope !== undefined) {
      principal = await deps.authenticator.authenticate(
        req.headers.authorization,
        unknownKeyGuard(deps.unknownKeyLimiter, req),
      );
      if (principal === undefined) throw unauthenticated(req.headers.authorization);
      limitRate(deps.rateLimiter, principal, exchange);
      if (!principal.scopes.allows(scope)) throw lacksScope(scope);
      key = idempotencyKeyOf(req.headers['idempotency-key'], route.idempotency);
    }
    const raw: RawInput = { params: req.params, query: queryOf(req), headers: req.headers, body: undefined };
    if (takesBody(route) && hasBody(req)) {
      const type = mediaTypeOf(req.headers['content-type'], mediaTypes);
      if (route.bodyCharset === 'any') {
        raw.body = decodeText(await bodyOf(req, res, readBytes), req.headers['content-type']);
      } else {
        raw.body = await bodyOf(req, res, isJson(type) && route.bodyAsText !== true ? readJson : readText);
      }
    }
    const execute = route.prepare(raw);
    if (key === undefined || principal === undefined || route.idempotency === 'kept') {
      return answerOf(await execute({ request: exchange, principal, effect: undefined, requestKey: key }));
    }
    const caller = principal;
    return deps.idempotency.answer({
      place: { tenantId: caller.tenantId, route: name, key },
      principalId: caller.keyId,
      fingerprint: fingerprintOf(name, raw),
      log: exchange.log,
      replay: route.replay,
      execute: async (effect) => {
        try {
          return answerOf(await execute({ request: exchange, principal: caller, effect }));
        } catch (error) {
          return failure(req, exchange, error, route);
        }
      },
      mayRepeat: async (doneBy) => {
        if (route.answersSecret === true) await deps.authenticator.mustStandFor(caller, doneBy);
      },
    });
  }

  function answerOf({ status, headers, body, contentType: chosen }: RouteResult): Answer {
    if (chosen !== undefined) {
      return { status, contentType: `${chosen}; charset=utf-8`, body: textOf(body, chosen), headers };
    }
    const contentType = route.responses[status]?.contentType ?? JSON_WITH_CHARSET;
    return { status, contentType, body: textOf(body, contentType), headers };
  }

  return (req, res) => {
    const exchange = exchangeOf(res);
    exchange.route = route.path;
    serve(req, exchange, res)
      .then((answer) => send(res, exchange, answer))
      .catch((error: unknown) => fail(req, res, error, route));
  };
}

/** Answers for a thrown error, and logs it if it is our fault. */
export function fail(req: Request, res: Response, error: unknown, route?: Route): void {
  const exchange = exchangeOf(res);
  const answer = failure(req, exchange, error, route);
  if (res.headersSent) res.destroy();
  else send(res, exchange, answer);
}

function failure(req: Request, exchange: Exchange, error: unknown, route?: Route): Answer {
  const problem = problemOf(error, (name) => placeOf(name, route));
  if (problem.status >= 500) exchange.log.error({ err: error, route: exchange.route }, problem.message);
  return problemAnswer(req, exchange, problem);
}

function placeOf(name: string, route: Route | undefined) {
  if (route?.params !== undefined && name in route.params.shape) return 'path';
  return route?.query !== undefined && name in route.query.shape ? 'query' : 'body';
}

/** Whoever makes keys up waits; who has one is never counted. */
function unknownKeyGuard(limiter: RateLimiter, req: Request): UnknownKeyGuard {
  let address = '';
  return {
    enter() {
      address = addressGroup(req.ip);
      const { allowed, retryAfterSeconds } = limiter.take(address);
      if (allowed) return;
      throw new Problem('rate-limited', {
        detail: 'Too many API keys that do not exist came from this address.',
        headers: { 'retry-after': String(retryAfterSeconds) },
      });
    },
    leave: () => limiter.giveBack(address),
  };
}

function limitRate(limiter: RateLimiter, principal: Principal, exchange: Exchange): void {
  const decision = limiter.take(principal.tenantId);
  exchange.headers = {
    ...exchange.headers,
    'ratelimit-policy': `"default";q=${decision.limit};w=1`,
    ratelimit: `"default";r=${decision.remaining};t=${decision.resetSeconds}`,
  };
  if (!decision.allowed) {
    throw new Problem('rate-limited', { headers: { 'retry-after': String(decision.retryAfterSeconds) } });
  }
}

const NO_QUERY = {};

/** Express parses the query at every access, so it is read only where there is one. */
function queryOf(req: Request): unknown {
  return req.url.includes('?') ? req.query : NO_QUERY;
}

/** Text that is not UTF-8 would be stored differently from what was sent. */
function refuseOtherThanUtf8(_req: unknown, _res: unknown, body: Buffer): void {
  if (!isUtf8(body)) throw notUtf8();
}

function notUtf8(): Error {
  return Object.assign(new Error('the body is not UTF-8'), { type: NOT_UTF8 });
}

/** Of two members with one name the parser takes the last, another program perhaps the first. */
function refuseAmbiguous(req: unknown, res: unknown, body: Buffer, encoding: string): void {
  if (encoding !== 'utf-8') throw notUtf8();
  refuseOtherThanUtf8(req, res, body);
  const place = duplicateMember(body.toString());
  if (place === undefined) return;
  const detail = `The body has the member "${place.at(-1)}" twice: name each member of an object once.`;
  const errors = [{ in: 'body', pointer: pointerTo(place), detail: 'is there twice' } as const];
  // body-parser writes to the error that is thrown here.
  throw new Error(detail, { cause: new Problem('duplicate-member', { detail, errors }) });
}

function hasBody(req: Request): boolean {
  return req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
}

/** The type of a body, without its parameters. */
function mediaTypeOf(header: string | undefined, allowed: readonly string[]): string {
  const type = header === JSON_TYPE ? header : (header?.split(';', 1)[0]?.trim().toLowerCase() ?? '');
  if (allowed.includes(type)) return type;
  throw new Problem('unsupported-media-type', {
    detail: `Send the body as ${allowed.join(' or ')}.`,
    headers: { accept: allowed.join(', ') },
  });
}

function isJson(type: string): boolean {
  return type === JSON_TYPE || type.endsWith('+json');
}

function bodyOf(req: Request, res: Response, readBody: RequestHandler): Promise<unknown> {
  return new Promise((resolve, reject) => {
    void readBody(req, res, (error?: unknown) => {
      if (error === undefined || error === null) resolve(req.body);
      else reject(error instanceof Error && error.cause instanceof Problem ? error.cause : error);
    });
  });
}

function textOf(body: unknown, contentType: string): Answer['body'] {
  if (body === undefined) return undefined;
  if (contentType !== JSON_WITH_CHARSET && (typeof body === 'string' || isPieces(body))) return body;
  return JSON.stringify(body);
}

function isPieces(body: unknown): body is AsyncIterable<string> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}

function methodsByPath(routes: readonly Route[]): Map<string, string[]> {
  const paths = new Map<string, string[]>();
  for (const { path, method } of routes) {
    const methods = paths.get(expressPath(path)) ?? [];
    methods.push(method.toUpperCase(), ...(method === 'get' ? ['HEAD'] : []));
    paths.set(expressPath(path), methods);
  }
  return paths;
}

function refuseMethod(methods: readonly string[]): RequestHandler {
  const allow = [...methods, 'OPTIONS'].join(', ');
  return (req, res) => {
    const exchange = exchangeOf(res);
    if (req.method === 'OPTIONS') send(res, exchange, { status: 204, headers: { allow } });
    else sendProblem(req, res, new Problem('method-not-allowed', { headers: { allow } }));
  };
}
