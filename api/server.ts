import express, { type ErrorRequestHandler, type Express } from 'express';
import { Authenticator } from '../domains/accounts/authenticator';
import type { AppDeps } from './deps';
import { fail, mountRoutes } from './http/adapter';
import { exchangeOf, sendProblem } from './http/exchange';
import { Idempotency } from './http/idempotency/idempotency';
import { Problem } from './http/problems';
import { beginExchange } from './http/request-log';
import { mountPages } from './operations/pages';
import { apiRoutes } from './routes';

/** Makes the API. It listens to nothing by itself: see `api/http-server.ts`. */
export function createApp(deps: AppDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.set('query parser', 'simple');

  const authenticator = new Authenticator(deps.pool);
  app.use(beginExchange(deps.log, deps.metrics));
  mountRoutes(app, apiRoutes(deps, authenticator), {
    authenticator,
    rateLimiter: deps.rateLimiter,
    idempotency: new Idempotency(deps),
    maxBodyBytes: deps.config.WAYBILL_MAX_BODY_BYTES,
  });
  mountPages(app);
  app.use((req, res) => sendProblem(req, res, new Problem('not-found')));
  app.use(answerErrors);
  return app;
}

/** Express takes handlers of four parameters for error handlers. */
const answerErrors: ErrorRequestHandler = (error, req, res, _next) => fail(req, res, exchangeOf(res), error);
