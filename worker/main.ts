import { existsSync } from 'node:fs';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { createActivities } from '../activities';
import { createDelivery } from '../domains/webhooks/delivery/dependencies';
import { renderMetrics } from '../domains/webhooks/upkeep/gauges';
import { ConfigError, loadConfig } from '../infra/config';
import { createLogger, type Logger } from '../infra/log';
import { createMetrics } from '../infra/observability/metrics';
import { connectNative, createTemporalClient } from '../infra/temporal/client';
import { registerSearchAttributes } from '../infra/temporal/register-search-attributes';
import { ensureSchedules } from '../infra/temporal/schedules';
import { BUNDLE_PATH } from './bundle';
import { startHealthServer } from './health-server';
import { ensureSettlementSchedules, startSettlementWatch } from './settlement-watch';

const SHUTDOWN_GRACE = '35 seconds';
const SHUTDOWN_FORCE = '60 seconds';
const CONNECT_PAUSE_MS = 1_000;

/** Runs the worker process until a signal ends it. */
async function main(): Promise<void> {
  const config = loadConfig();
  const log = createLogger(config.WAYBILL_LOG_LEVEL, 'worker');
  installRuntime(log, `${config.WAYBILL_HOST}:${config.WAYBILL_TEMPORAL_METRICS_PORT}`);
  const metrics = createMetrics();
  const delivery = await createDelivery(config, metrics, log);
  const { client, namespace, close: closeClient } = createTemporalClient();

  const watchdog = { pool: delivery.pool, client, config, metrics, log };

  let running = false;
  const health = await startHealthServer({
    host: config.WAYBILL_HOST,
    port: config.WAYBILL_WORKER_PORT,
    problems: async () => {
      const problems: Record<string, string> = {};
      if (!running) problems.temporal = 'the worker is not polling yet';
      await delivery.pool.query('SELECT 1').catch((error: Error) => {
        problems.postgres = error.message;
      });
      return problems;
    },
    renderMetrics: () => renderMetrics({ metrics, ...delivery }),
    metricsContentType: metrics.registry.contentType,
  });

  // Before Temporal is there: that it is not may be the reason why nothing is settled.
  const watch = startSettlementWatch(watchdog);
  const { connection } = await untilConnected(log, connectNative);
  await untilConnected(log, async () => {
    await registerSearchAttributes(client, namespace);
    await ensureSchedules(client, config);
    await ensureSettlementSchedules(watchdog);
  });

  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue: config.WAYBILL_TASK_QUEUE,
    ...(existsSync(BUNDLE_PATH)
      ? { workflowBundle: { codePath: BUNDLE_PATH } }
      : { workflowsPath: require.resolve('../workflows') }),
    activities: createActivities({ ...delivery, client, config, metrics, log }),
    maxConcurrentActivityTaskExecutions: 200,
    maxConcurrentWorkflowTaskExecutions: 100,
    maxCachedWorkflows: 1_000,
    stickyQueueScheduleToStartTimeout: '5s',
    maxHeartbeatThrottleInterval: '10s',
    shutdownGraceTime: SHUTDOWN_GRACE,
    shutdownForceTime: SHUTDOWN_FORCE,
  });
  running = true;
  log.info({ taskQueue: config.WAYBILL_TASK_QUEUE, namespace }, 'worker is polling');
  try {
    await worker.run();
  } finally {
    running = false;
    watch.stop();
    await delivery.close();
    await closeClient();
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

/** Temporal may come up after its worker: asked again until it answers. A signal ends the process as usual. */
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
