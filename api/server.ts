import express, { type ErrorRequestHandler, type Express } from 'express';
import { Authenticator } from '../domains/accounts';
import type { Platform } from '../infra/platform/platform';
import { workflowPage } from '../infra/temporal/web-ui';
import { fail, mountRoutes } from './http/adapter';
import { apiConfig } from './http/config';
import type { DoorContext } from './http/door';
import { sendProblem } from './http/exchange';
import { Idempotency } from './http/idempotency/idempotency';
import { Problem } from './http/problems';
import type { RateLimiter } from './http/rate-limit';
import { beginExchange } from './http/request-log';
import { requestMetrics } from './http/request-metrics';
import { mountPages } from './operations/pages';
import { apiRoutes, DOORS } from './routes';

export interface AppOptions {
  /** The state of each server that is needed: `ok`, or what is wrong with it. */
  readiness(): Promise<Record<string, string>>;
  /** Counts by tenant. */
  rateLimiter: RateLimiter;
  /** Counts API keys that are none, by the client's address. */
  unknownKeyLimiter: RateLimiter;
}

/** Makes the API. It listens to nothing by itself: see `api/http/http-server.ts`. */
export function createApp(platform: Platform, options: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  // `/v1/endpoints/` is what a client asks for that has lost an id: not the list.
  app.enable('strict routing');
  app.set('query parser', 'simple');
  const { WAYBILL_TRUSTED_PROXIES, WAYBILL_MAX_BODY_BYTES, WAYBILL_UPLOAD_TIMEOUT } = platform.settings.of(apiConfig);
  app.set('trust proxy', WAYBILL_TRUSTED_PROXIES);

  const context = doorContext(platform);
  const metrics = platform.metrics.of(requestMetrics);
  app.use(beginExchange(platform.log, metrics));
  mountRoutes(app, apiRoutes(context, options.readiness), {
    authenticator: context.authenticator,
    rateLimiter: options.rateLimiter,
    unknownKeyLimiter: options.unknownKeyLimiter,
    idempotency: new Idempotency({ pool: platform.pool, keyring: platform.keyring, metrics }),
    maxBodyBytes: WAYBILL_MAX_BODY_BYTES,
    uploadTimeoutMs: WAYBILL_UPLOAD_TIMEOUT,
  });
  mountPages(app);
  app.use((req, res) => sendProblem(req, res, new Problem('not-found')));
  app.use(answerErrors);
  return app;
}

/** What the doors of this process are built from. */
export function doorContext(platform: Platform): DoorContext {
  const { WAYBILL_TEMPORAL_UI_URL } = platform.settings.of(apiConfig);
  return {
    ...platform,
    authenticator: new Authenticator(platform.pool),
    scopes: DOORS.flatMap(({ domain }) => domain.scopes ?? []),
    workflowUrl: (workflowId) => workflowPage(WAYBILL_TEMPORAL_UI_URL, platform.namespace, workflowId),
  };
}

/** Express takes a handler with four parameters for an error handler. */
const answerErrors: ErrorRequestHandler = (error, req, res, _next) => fail(req, res, error);
