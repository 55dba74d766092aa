import type { AddressInfo } from 'node:net';
import { ensureAdminKey } from '../domains/accounts/admin-key';
import { createWorkflowCommands } from '../domains/webhooks/commands/workflow-commands';
import { addressPolicy, createDelivery } from '../domains/webhooks/delivery/dependencies';
import { createCoverage } from '../domains/webhooks/publishing/cover';
import { createGroupCommitPublisher } from '../domains/webhooks/publishing/group-commit-publisher';
import { renderMetrics } from '../domains/webhooks/upkeep/gauges';
import { ConfigError, loadConfig } from '../infra/config';
import { checkUrlAndResolve } from '../infra/http/address-policy';
import { createLogger } from '../infra/log';
import { createMetrics } from '../infra/observability/metrics';
import { createTemporalClient } from '../infra/temporal/client';
import { workflowPage } from '../infra/temporal/web-ui';
import { gracefulClose } from './http/graceful-close';
import { createApiServer } from './http/http-server';
import { createRateLimiter } from './http/rate-limit';
import { createApiMetrics } from './http/request-metrics';
import { createApp } from './server';

const SHUTDOWN_DEADLINE_MS = 45_000;
const READINESS_TIMEOUT_MS = 2_000;

/** Runs the API process until a signal ends it. */
async function main(): Promise<void> {
  const config = loadConfig();
  const log = createLogger(config.WAYBILL_LOG_LEVEL, 'api');
  const metrics = createMetrics();
  const delivery = await createDelivery(config, metrics, log);
  const { client, namespace, close: closeTemporal } = createTemporalClient();
  const coverage = createCoverage({ pool: delivery.pool, client, config, metrics, log });
  const publisher = createGroupCommitPublisher({ ...delivery, config, coverage, metrics });
  const commands = createWorkflowCommands({ pool: delivery.pool, client, config, log });
  if (config.WAYBILL_ADMIN_KEY !== undefined) await ensureAdminKey(delivery.pool, config.WAYBILL_ADMIN_KEY);

  let stopping = false;
  const app = createApp({
    config,
    pool: delivery.pool,
    client,
    keyring: delivery.keyring,
    log,
    publisher,
    commands,
    checkEndpointUrl: (url) => checkUrlAndResolve(url, addressPolicy(config)),
    metrics: { ...createApiMetrics(metrics.registry), render: () => renderMetrics({ metrics, ...delivery }) },
    readiness: async () => ({
      process: stopping ? 'shutting down' : 'ok',
      postgres: await within(delivery.pool.query('SELECT 1')),
    }),
    rateLimiter: createRateLimiter({ perSecond: config.WAYBILL_RATE_LIMIT_PER_SECOND }),
    workflowUrl: (workflowId) => workflowPage(config.WAYBILL_TEMPORAL_UI_URL, namespace, workflowId),
  });

  const server = createApiServer(app, { keepAliveTimeout: 65_000, headersTimeout: 20_000, requestTimeout: 30_000 });
  const close = gracefulClose(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.WAYBILL_PORT, config.WAYBILL_HOST, 1024, resolve);
  });
  log.info(
    { port: (server.address() as AddressInfo).port, firstAttempt: config.WAYBILL_FIRST_ATTEMPT },
    'API is listening',
  );

  async function stop(signal: string): Promise<void> {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'API is stopping: finishing requests, commits and attempts under way');
    setTimeout(() => {
      log.error('API did not stop in time; what is unfinished goes on in the worker');
      process.exit(1);
    }, SHUTDOWN_DEADLINE_MS).unref();
    await close();
    await publisher.drain();
    await delivery.engine.drain();
    await coverage.flush();
    await delivery.close();
    await closeTemporal();
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

async function within(check: Promise<unknown>): Promise<string> {
  const timeout = new Promise<string>((resolve) => {
    setTimeout(() => resolve('no answer'), READINESS_TIMEOUT_MS).unref();
  });
  const answer = check.then(
    () => 'ok',
    () => 'out of reach',
  );
  return Promise.race([answer, timeout]);
}

main().catch((error) => {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exit(1);
});
