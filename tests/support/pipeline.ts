import { randomBytes } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import pino from 'pino';
import { type ActivityDeps, createActivities } from '../../activities';
import type { DeliveryCommands } from '../../domains/webhooks/commands/commands';
import { createWorkflowCommands } from '../../domains/webhooks/commands/workflow-commands';
import { createDelivery, type Delivery } from '../../domains/webhooks/delivery/dependencies';
import { type Coverage, createCoverage } from '../../domains/webhooks/publishing/cover';
import {
  createGroupCommitPublisher,
  type GroupCommitPublisher,
} from '../../domains/webhooks/publishing/group-commit-publisher';
import { type Config, loadConfig } from '../../infra/config';
import type { Logger } from '../../infra/log';
import { createMetrics, type Metrics } from '../../infra/observability/metrics';
import { createTemporalClient } from '../../infra/temporal/client';
import { registerSearchAttributes } from '../../infra/temporal/register-search-attributes';
import { TEST_BUNDLE } from './bundle';
import { createTestDatabase, type TestDatabase } from './database';

export const TEST_KEYS = `test:${Buffer.alloc(32, 7).toString('base64')}`;

/** API-side and worker-side parts of the delivery pipeline in this process, on real servers, with their own database and task queue. */
export interface Pipeline {
  database: TestDatabase;
  config: Config;
  delivery: Delivery;
  publisher: GroupCommitPublisher;
  coverage: Coverage;
  commands: DeliveryCommands;
  client: Client;
  metrics: Metrics;
  log: Logger;
  /** Starts a worker; call `stop` on it to let it go. */
  startWorker(): Promise<{ stop(): Promise<void> }>;
  close(): Promise<void>;
}

/**
 * Builds a pipeline.
 *
 * @param env - overrides environment variables, by name; an empty one counts as not set
 * @param options - `log` takes the place of the pipeline's logger
 */
export async function createPipeline(
  env: Record<string, string> = {},
  options: { log?: Logger } = {},
): Promise<Pipeline> {
  const database = await createTestDatabase();
  const config = loadConfig({
    ...process.env,
    DATABASE_URL: database.url,
    WAYBILL_KEYS: TEST_KEYS,
    WAYBILL_TASK_QUEUE: `test-${randomBytes(6).toString('hex')}`,
    WAYBILL_ALLOW_HTTP: 'true',
    WAYBILL_ALLOW_PRIVATE_NETWORKS: '127.0.0.0/8,::1/128',
    WAYBILL_LOG_LEVEL: process.env.WAYBILL_TEST_LOG_LEVEL ?? 'silent',
    ...env,
  });
  const log = options.log ?? pino({ level: config.WAYBILL_LOG_LEVEL });
  const metrics = createMetrics();
  const delivery = await createDelivery(config, metrics, log);
  const { client, namespace, close: closeClient } = createTemporalClient();
  await registerSearchAttributes(client, namespace);
  const coverage = createCoverage({ pool: delivery.pool, client, config, metrics, log });
  const publisher = createGroupCommitPublisher({ ...delivery, config, coverage, metrics });
  const commands = createWorkflowCommands({ pool: delivery.pool, client, config, log });
  const workers: { stop(): Promise<void> }[] = [];
  return {
    database,
    config,
    delivery,
    publisher,
    coverage,
    commands,
    client,
    metrics,
    log,
    async startWorker() {
      const started = await runWorker({ config, delivery, client, metrics, log });
      workers.push(started);
      return started;
    },
    async close() {
      await publisher.drain();
      await delivery.engine.drain();
      await coverage.flush();
      for (const worker of workers) await worker.stop();
      await delivery.close();
      await closeClient();
      await database.drop();
    },
  };
}

let runtimeInstalled = false;

async function runWorker(deps: Omit<ActivityDeps, 'pool' | 'engine'> & { delivery: Delivery }) {
  if (!runtimeInstalled) {
    Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
    runtimeInstalled = true;
  }
  const connection = await NativeConnection.connect({ address: process.env.TEMPORAL_ADDRESS ?? '127.0.0.1:7233' });
  const worker = await Worker.create({
    connection,
    taskQueue: deps.config.WAYBILL_TASK_QUEUE,
    workflowBundle: { codePath: TEST_BUNDLE },
    activities: createActivities({ ...deps, ...deps.delivery }),
    shutdownGraceTime: '5s',
  });
  const run = worker.run();
  let stopped: Promise<void> | undefined;
  return {
    stop() {
      stopped ??= (async () => {
        worker.shutdown();
        await run;
        await connection.close();
      })();
      return stopped;
    },
  };
}
