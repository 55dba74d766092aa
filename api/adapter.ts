import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import type { Authenticator, Principal } from './auth/authenticator';
import { lacksScope, unauthenticated } from './auth/refusals';
import { type Exchange, exchangeOf, send, sendProblem } from './exchange';
import { problemOf } from './failures';
import type { RateLimiter } from './middleware/rate-limit';
import { Problem } from './problems';
import type { RawInput, Route } from './route';

export interface AdapterDeps {
  authenticator: Authenticator;
  rateLimiter: RateLimiter;
  /** Largest body that is read. */
  maxBodyBytes: number;
}

const JSON_TYPE = 'application/json';
const JSON_WITH_CHARSET = 'application/json; charset=utf-8';

/**
 * Makes the Express routes of a table. The order of a request's checks is that of their price: method and path, key,
 * rate, scope, media type, body, schema.
 */
export function mountRoutes(app: Express, routes: readonly Route[], deps: AdapterDeps): void {
  const readBody = express.json({ limit: deps.maxBodyBytes, strict: false, type: () => true });
  for (const route of routes) app[route.method](expressPath(route.path), handlerOf(route, readBody, deps));
  for (const [path, methods] of methodsByPath(routes)) app.route(path).all(refuseMethod(methods));
}

/** `/v1/endpoints/{id}` as Express writes it. */
export function expressPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

function handlerOf(route: Route, readBody: RequestHandler, deps: AdapterDeps): RequestHandler {
  const { scope } = route;
  const mediaTypes = route.mediaTypes ?? [JSON_TYPE];

  async function serve(req: Request, res: Response, exchange: Exchange): Promise<void> {
    let principal: Principal | undefined;
    if (scope !== undefined) {
      principal = await deps.authenticator.authenticate(req.headers.authorization);
      if (principal === undefined) throw unauthenticated(req.headers.authorization);
      limitRate(deps.rateLimiter, principal, exchange);
      if (!principal.scopes.allows(scope)) throw lacksScope(scope);
    }
    const raw: RawInput = { params: req.params, query: queryOf(req), headers: req.headers, body: undefined };
    if (route.body !== undefined && hasBody(req)) {
      checkMediaType(req.headers['content-type'], mediaTypes);
      raw.body = await bodyOf(req, res, readBody);
    }
    const result = await route.run(raw, exchange, principal);
    const type = route.responses[result.status]?.contentType ?? JSON_WITH_CHARSET;
    const text = typeof result.body === 'string' && type !== JSON_WITH_CHARSET ? result.body : toJson(result.body);
    send(res, exchange, result.status, type, text, result.headers);
  }

  return (req, res) => {
    const exchange = exchangeOf(res);
    exchange.route = route.path;
    serve(req, res, exchange).catch((error: unknown) => fail(req, res, exchange, error));
  };
}

/** Answers for something that was thrown, and logs it if it is our fault. */
export function fail(req: Request, res: Response, exchange: Exchange, error: unknown): void {
  const problem = problemOf(error);
  if (problem.status >= 500) exchange.log.error({ err: error, route: exchange.route }, problem.message);
  if (res.headersSent) res.destroy();
  else sendProblem(req, res, problem);
}

function limitRate(limiter: RateLimiter, principal: Principal, exchange: Exchange): void {
  const decision = limiter.take(principal.keyId);
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

/** Express parses the query anew at every look, so only look where there is one. */
function queryOf(req: Request): unknown {
  return req.url.includes('?') ? req.query : NO_QUERY;
}

function hasBody(req: Request): boolean {
  return req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
}

function checkMediaType(header: string | undefined, allowed: readonly string[]): void {
  if (header === JSON_TYPE) return;
  const type = header?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (!allowed.includes(type)) {
    throw new Problem('unsupported-media-type', {
      detail: `Send the body as ${allowed.join(' or ')}.`,
      headers: { accept: allowed.join(', ') },
    });
  }
}

function bodyOf(req: Request, res: Response, readBody: RequestHandler): Promise<unknown> {
  return new Promise((resolve, reject) => {
    void readBody(req, res, (error?: unknown) => {
      if (error === undefined || error === null) resolve(req.body);
      else reject(error);
    });
  });
}

function toJson(body: unknown): string | undefined {
  return body === undefined ? undefined : JSON.stringify(body);
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
    if (req.method === 'OPTIONS') send(res, exchange, 204, undefined, undefined, { allow });
    else sendProblem(req, res, new Problem('method-not-allowed', { headers: { allow } }));
  };
}
