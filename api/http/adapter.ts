import type { Express, Request, RequestHandler, Response } from 'express';
import { RawJson } from '../../core/json/raw-json';
import type { Authenticator, Principal, UnknownKeyGuard } from '../../domains/accounts';
import { withoutMark } from './byte-order-mark';
import { addressGroup } from './client-address';
import { decodeText } from './decode-text';
import { type Answer, type Exchange, exchangeOf, problemAnswer, send, sendProblem } from './exchange';
import { problemOf } from './failures';
import { fingerprintOf } from './idempotency/fingerprint';
import type { Idempotency } from './idempotency/idempotency';
import { idempotencyKeyOf } from './idempotency/key';
import { parseJsonBody } from './json-body';
import { Problem } from './problems';
import type { RateLimiter, RateState } from './rate-limit';
import { lacksScope, unauthenticated } from './refusals';
import { hasBody, readBytes, readSentBytes, readText } from './request-body';
import { readChunks } from './request-stream';
import { type RawInput, type Route, type RouteResult, takesBody } from './route';

export interface AdapterDeps {
  authenticator: Authenticator;
  /** Counts by tenant. */
  rateLimiter: RateLimiter;
  /** Counts API keys that are none, by the client's address. */
  unknownKeyLimiter: RateLimiter;
  idempotency: Idempotency;
  /** Largest body that is read. */
  maxBodyBytes: number;
  /** How long a request's body may take to arrive, in milliseconds. */
  uploadTimeoutMs: number;
}

const JSON_TYPE = 'application/json';
const JSON_WITH_CHARSET = 'application/json; charset=utf-8';

/**
 * Makes the Express routes of a table. A request's checks run in the order of their cost: method and path, key,
 * rate, scope, idempotency key, media type, body, schema. Only then is an idempotency key claimed and the request
 * executed, and its answer is stored before it is sent.
 */
export function mountRoutes(app: Express, routes: readonly Route[], deps: AdapterDeps): void {
  const shadowed = routes.filter(({ path }) => routes.some((other) => shadows(other.path, path)));
  const others = routes.filter((route) => !shadowed.includes(route));
  for (const group of [shadowed, others]) {
    for (const route of group) app[route.method](expressPath(route.path), handlerOf(route, deps));
    for (const [path, methods] of methodsByPath(group)) app.route(path).all(refuseMethod(methods));
  }
}

/** Whether a template fits a path without parameters, whose other methods would go to it: `/{date}` fits `/history`. */
function shadows(template: string, path: string): boolean {
  if (path.includes('{') || !template.includes('{')) return false;
  const parts = path.split('/');
  const own = template.split('/');
  return own.length === parts.length && own.every((part, at) => part.startsWith('{') || part === parts[at]);
}

/** `/v1/endpoints/{id}` as Express writes it. */
export function expressPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

function handlerOf(route: Route, deps: AdapterDeps): RequestHandler {
  const { scope } = route;
  const mediaTypes = route.mediaTypes ?? [JSON_TYPE];
  const name = `${route.method.toUpperCase()} ${route.path}`;
  const maxBytes = route.maxBodyBytes ?? deps.maxBodyBytes;

  async function readBody(raw: RawInput, req: Request, exchange: Exchange, res: Response): Promise<void> {
    const type = mediaTypeOf(req.headers['content-type'], mediaTypes);
    const withinMs = exchange.startedAt + deps.uploadTimeoutMs - performance.now();
    if (route.streamed !== undefined && type in route.streamed) {
      raw.stream = readChunks(req, {
        maxBytes: route.maxStreamedBytes ?? maxBytes,
        withinMs: deps.uploadTimeoutMs,
      });
      return;
    }
    if (route.bodyCharset === 'any') {
      raw.body = decodeText(await readBytes(req, res, { maxBytes, withinMs }), req.headers['content-type']);
      return;
    }
    const text = await readText(req, res, { maxBytes, withinMs });
    const unmarked = withoutMark(text);
    if (route.bodyAsText === true) raw.body = text;
    else if (!isJson(type)) raw.body = unmarked;
    // Some clients say JSON where they send nothing.
    else if (unmarked !== '') {
      raw.body = parseJsonBody(unmarked, route.rawMembers);
      raw.json = unmarked;
    }
  }

  async function serve(req: Request, exchange: Exchange, res: Response): Promise<Answer> {
    let principal: Principal | undefined;
    let key: string | undefined;
    if (scope !== undefined) {
      principal = await deps.authenticator.authenticate(
        req.headers.authorization,
        new AddressGuard(deps.unknownKeyLimiter, req),
      );
      if (principal === undefined) throw unauthenticated(req.headers.authorization);
      limitRate(deps.rateLimiter, principal, exchange);
      if (!principal.scopes.allows(scope)) throw lacksScope(scope);
      key = idempotencyKeyOf(req.headers['idempotency-key'], route.idempotency);
    }
    const raw: RawInput = { params: req.params, query: queryOf(req), headers: req.headers, body: undefined };
    if (route.bodyAsBytes === true) {
      raw.address = addressGroup(req.ip);
      const withinMs = exchange.startedAt + deps.uploadTimeoutMs - performance.now();
      raw.body = hasBody(req) ? await readSentBytes(req, res, { maxBytes, withinMs }) : Buffer.alloc(0);
    } else if (takesBody(route) && hasBody(req)) await readBody(raw, req, exchange, res);
    const execute = route.prepare(raw);
    if (key === undefined || principal === undefined || route.idempotency === 'kept') {
      const charge = principal === undefined ? undefined : chargeTo(principal.tenantId, exchange);
      return answerOf(await execute({ request: exchange, principal, effect: undefined, requestKey: key, charge }));
    }
    const caller = principal;
    return deps.idempotency.answer({
      place: { tenantId: caller.tenantId, route: name, key },
      principalId: caller.keyId,
      fingerprint: fingerprintOf(name, raw),
      log: exchange.log,
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

  function chargeTo(tenantId: string, exchange: Exchange) {
    return (requests: number) => showRate(deps.rateLimiter.charge(tenantId, requests), exchange);
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
class AddressGuard implements UnknownKeyGuard {
  private address = '';

  constructor(
    private readonly limiter: RateLimiter,
    private readonly req: Request,
  ) {}

  enter(): void {
    this.address = addressGroup(this.req.ip);
    const { allowed, retryAfterSeconds } = this.limiter.take(this.address);
    if (allowed) return;
    throw new Problem('rate-limited', {
      detail: 'Too many API keys that do not exist came from this address.',
      headers: { 'retry-after': String(retryAfterSeconds) },
    });
  }

  leave(): void {
    this.limiter.giveBack(this.address);
  }
}

function limitRate(limiter: RateLimiter, principal: Principal, exchange: Exchange): void {
  const decision = limiter.take(principal.tenantId);
  showRate(decision, exchange);
  if (!decision.allowed) {
    throw new Problem('rate-limited', { headers: { 'retry-after': String(decision.retryAfterSeconds) } });
  }
}

function showRate({ limit, remaining, resetSeconds }: RateState, exchange: Exchange): void {
  exchange.rate = { policy: `"default";q=${limit};w=1`, state: `"default";r=${remaining};t=${resetSeconds}` };
}

const NO_QUERY = {};

/** Express parses the query at every access, so it is read only where there is one. */
function queryOf(req: Request): unknown {
  return req.url.includes('?') ? req.query : NO_QUERY;
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

function textOf(body: unknown, contentType: string): Answer['body'] {
  if (body === undefined) return undefined;
  if (body instanceof RawJson) return body.text;
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

/** Answers what comes with another method: 405 with those that there are, and OPTIONS with them as well. */
export function refuseMethod(methods: readonly string[]): RequestHandler {
  const allow = [...methods, 'OPTIONS'].join(', ');
  return (req, res) => {
    const exchange = exchangeOf(res);
    if (req.method === 'OPTIONS') send(res, exchange, { status: 204, headers: { allow } });
    else sendProblem(req, res, new Problem('method-not-allowed', { headers: { allow } }));
  };
}
