import { DefaultLogger, Runtime } from '@temporalio/worker';
import { ConfigError } from '../infra/config/settings';
import type { Logger } from '../infra/log';
import { createMetricsPage } from '../infra/observability/metrics-page';
import { stateOf } from '../infra/observability/readiness';
import { openPlatform } from '../infra/platform/platform';
import { ping } from '../infra/postgres/pool';
import { connectNative } from '../infra/temporal/client';
import { registerSearchAttributes } from '../infra/temporal/register-search-attributes';
import { ensureSchedules } from '../infra/temporal/schedules';
import { workerConfig } from './config';
import { DOMAINS } from './domains';
import { startHealthServer } from './health-server';
import { createWorkers } from './workers';

const CONNECT_PAUSE_MS = 1_000;

/** Runs the worker process until a signal ends it. */
async function main(): Promise<void> {
  const fragments = [workerConfig, ...DOMAINS.flatMap(({ config }) => config ?? [])];
  const platform = openPlatform({ name: 'worker', fragments });
  const { settings, config, pool, client, namespace, metrics, log } = platform;
  const { WAYBILL_WORKER_PORT, WAYBILL_TEMPORAL_METRICS_PORT, WAYBILL_WORKER_ROLES: roles } = settings.of(workerConfig);
  installRuntime(log, `${config.WAYBILL_HOST}:${WAYBILL_TEMPORAL_METRICS_PORT}`);

  let running = false;
  const health = await startHealthServer({
    host: config.WAYBILL_HOST,
    port: WAYBILL_WORKER_PORT,
    problems: async () => {
      const problems: Record<string, string> = {};
      if (!running) problems.temporal = 'the worker is not polling yet';
      const postgres = await stateOf(ping(pool));
      if (postgres !== 'ok') problems.postgres = postgres;
      return problems;
    },
    metrics: createMetricsPage(metrics.registry),
    log,
  });

  // Before Temporal is reached: its absence may be why nothing gets done.
  for (const domain of DOMAINS) domain.watch?.(platform);
  const { connection } = await untilConnected(log, connectNative);
  await untilConnected(log, async () => {
    await registerSearchAttributes(client, namespace, log);
    await ensureSchedules(
      client,
      DOMAINS.flatMap((domain) => domain.schedules?.(platform) ?? []),
    );
    for (const domain of DOMAINS) await domain.prepare?.(platform);
  });

  const workers = await createWorkers(platform, { connection, roles });
  running = true;
  log.info({ roles, namespace }, 'worker is polling');
  try {
    await workers.run();
  } finally {
    running = false;
    await platform.close();
    await connection.close();
    health.close();
    health.closeAllConnections();
  }
  log.info('worker stopped');
}

function installRuntime(log: Logger, metricsAddress: string): void {
  Runtime.install({
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => {
      const write = { TRACE: log.trace, DEBUG: log.debug, INFO: log.debug, WARN: log.warn, ERROR: log.error }[level];
      write.call(log, meta ?? {}, message);
    }),
    shutdownSignals: ['SIGINT', 'SIGTERM'],
    telemetryOptions: {
      metrics: {
        prometheus: {
          bindAddress: metricsAddress,
          countersTotalSuffix: true,
          unitSuffix: true,
          useSecondsForDurations: true,
        },
      },
    },
  });
}

/** Retries until Temporal answers, which may come up after its worker. A signal ends the process as usual. */
async function untilConnected<T>(log: Logger, connect: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await connect();
    } catch (error) {
      log.warn({ err: error }, 'Temporal is out of reach; trying again');
      await new Promise((resolve) => setTimeout(resolve, CONNECT_PAUSE_MS));
    }
  }
}

main().catch((error) => {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exit(1);
});
