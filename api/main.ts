import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { accountsConfig, ensureAdminKey } from '../domains/accounts';
import { webhooksConfig } from '../domains/webhooks';
import { ConfigError } from '../infra/config/settings';
import { createMetricsPage } from '../infra/observability/metrics-page';
import { startMetricsServer } from '../infra/observability/metrics-server';
import { stateOf } from '../infra/observability/readiness';
import { openPlatform } from '../infra/platform/platform';
import { ping } from '../infra/postgres/pool';
import { apiConfig } from './http/config';
import { gracefulClose } from './http/graceful-close';
import { createApiServer } from './http/http-server';
import { createRateLimiter } from './http/rate-limit';
import { STREAMED_WITHIN_MS } from './http/request-stream';
import { DOORS } from './routes';
import { createApp } from './server';

const SHUTDOWN_DEADLINE_MS = 45_000;
/** A process that has just started knows no key, and many may come at once from the same address. */
const UNKNOWN_KEYS_BURST_SECONDS = 5;
/** Whoever asked has given up by then; a worker's background work may take longer. */
const STATEMENT_TIMEOUT_MS = 10_000;
const HEADERS_TIMEOUT_MS = 20_000;
const UNREAD_BODY_MS = 15_000;
const TIMEOUT_CHECK_MS = 5_000;

/** Runs the API process until a signal ends it. */
async function main(): Promise<void> {
  const fragments = [apiConfig, ...DOORS.flatMap(({ domain }) => domain.config ?? [])];
  const platform = openPlatform({ name: 'api', fragments, statementTimeoutMs: STATEMENT_TIMEOUT_MS });
  const { settings, config, pool, metrics, log } = platform;
  const { WAYBILL_PORT, WAYBILL_METRICS_PORT, ...limits } = settings.of(apiConfig);
  const { WAYBILL_ADMIN_KEY } = settings.of(accountsConfig);
  if (WAYBILL_ADMIN_KEY !== undefined) await ensureAdminKey(pool, WAYBILL_ADMIN_KEY);

  let stopping = false;
  const app = createApp(platform, {
    readiness: async () => ({
      process: stopping ? 'shutting down' : 'ok',
      postgres: await stateOf(ping(pool)),
    }),
    rateLimiter: createRateLimiter({ perSecond: limits.WAYBILL_RATE_LIMIT_PER_SECOND }),
    unknownKeyLimiter: createRateLimiter({
      perSecond: limits.WAYBILL_UNKNOWN_KEYS_PER_SECOND,
      burst: UNKNOWN_KEYS_BURST_SECONDS * limits.WAYBILL_UNKNOWN_KEYS_PER_SECOND,
    }),
  });

  const metricsServer = await startMetricsServer(createMetricsPage(metrics.registry), {
    host: config.WAYBILL_HOST,
    port: WAYBILL_METRICS_PORT,
    onError: (error) => log.error({ err: error }, 'the metrics could not be read'),
  });
  const server = createApiServer(app, {
    keepAliveTimeout: 65_000,
    headersTimeout: HEADERS_TIMEOUT_MS,
    // What reads a body counts its time; this is for bodies that nobody reads.
    requestTimeout: Math.max(STREAMED_WITHIN_MS, limits.WAYBILL_UPLOAD_TIMEOUT) + UNREAD_BODY_MS,
    connectionsCheckingInterval: TIMEOUT_CHECK_MS,
  });
  const close = gracefulClose(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(WAYBILL_PORT, config.WAYBILL_HOST, 1024, resolve);
  });
  const { WAYBILL_FIRST_ATTEMPT: firstAttempt } = settings.of(webhooksConfig);
  const ports = { port: portOf(server), metricsPort: portOf(metricsServer) };
  log.info({ ...ports, firstAttempt }, 'API is listening');

  async function stop(signal: string): Promise<void> {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'API is stopping: finishing requests, commits and attempts under way');
    setTimeout(() => {
      log.error('API did not stop in time; what is unfinished goes on in the worker');
      process.exit(1);
    }, SHUTDOWN_DEADLINE_MS).unref();
    await close();
    await platform.close();
    // Until the end: what is still waiting is what one wants to see of a process that stops slowly.
    metricsServer.close();
    metricsServer.closeAllConnections();
    log.info('API stopped');
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      stop(signal).catch((error) => {
        log.error({ err: error }, 'stopping failed');
        process.exit(1);
      });
    });
  }
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

main().catch((error) => {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exit(1);
});
