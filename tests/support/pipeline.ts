import { randomBytes } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { apiConfig } from '../../api/http/config';
import type { PublicId } from '../../core/ids';
import { accountsConfig } from '../../domains/accounts/config';
import { type ApprovalsConfig, approvalsConfig } from '../../domains/approvals';
import { inboundConfig } from '../../domains/inbound/config';
import { notificationsConfig } from '../../domains/notifications';
import { type PaymentsConfig, paymentsConfig } from '../../domains/payments/config';
import { preferencesConfig } from '../../domains/preferences';
import { type SettlementConfig, settlementConfig } from '../../domains/settlement/config';
import { openBacklogs } from '../../domains/webhooks/backlog/open-backlogs';
import { cancelDelivery } from '../../domains/webhooks/commands/cancel-delivery';
import type { CommandResult } from '../../domains/webhooks/commands/command';
import { retryDeadLetter } from '../../domains/webhooks/commands/retry-dead-letter';
import { retryDelivery } from '../../domains/webhooks/commands/retry-delivery';
import { type WebhooksConfig, webhooksConfig } from '../../domains/webhooks/config';
import { type Dispatch, openDispatch } from '../../domains/webhooks/delivery/open-dispatch';
import type { EndpointWorkflows } from '../../domains/webhooks/endpoint-workflows';
import { letHeldFollow } from '../../domains/webhooks/endpoints/let-held-follow';
import { type WebhookMetrics, webhookMetrics } from '../../domains/webhooks/metrics';
import type { Coverage } from '../../domains/webhooks/publishing/coverage';
import type { GroupCommitPublisher } from '../../domains/webhooks/publishing/group-commit-publisher';
import { openPublishing } from '../../domains/webhooks/publishing/open-publishing';
import type { Logger } from '../../infra/log';
import type { PlatformConfig } from '../../infra/platform/config';
import { openPlatform, type Platform } from '../../infra/platform/platform';
import { registerSearchAttributes } from '../../infra/temporal/register-search-attributes';
import { WORK } from '../../infra/temporal/task-queues';
import { createWorkers, type WorkersOptions } from '../../worker/workers';
import { TEST_BUNDLE } from './bundle';
import { createTestDatabase, type TestDatabase } from './database';
import { eventsUnlikeTheDocument } from './event-check';

export const TEST_KEYS = `test:${Buffer.alloc(32, 7).toString('base64')}`;

const FRAGMENTS = [
  apiConfig,
  accountsConfig,
  approvalsConfig,
  webhooksConfig,
  inboundConfig,
  notificationsConfig,
  paymentsConfig,
  preferencesConfig,
  settlementConfig,
];

/** API-side and worker-side parts in this process, on real servers, with their own database and task queues. */
export interface Pipeline {
  database: TestDatabase;
  platform: Platform;
  config: PlatformConfig & ApprovalsConfig & WebhooksConfig & PaymentsConfig & SettlementConfig;
  dispatch: Dispatch & Pick<Platform, 'pool' | 'keyring'>;
  publisher: GroupCommitPublisher;
  coverage: Coverage;
  backlogs: EndpointWorkflows;
  commands: Commands;
  client: Client;
  metrics: WebhookMetrics;
  log: Logger;
  /** Opens what another process on the same servers would; it is closed with the pipeline. */
  openPlatform(): Platform;
  /** Starts a worker; call `stop` on it to let it go. */
  startWorker(options?: Pick<WorkersOptions, 'slots'>): Promise<{ stop(): Promise<void> }>;
  close(): Promise<void>;
}

/** Commands on deliveries, as an API process carries them out. */
interface Commands {
  retry(tenantId: PublicId, deliveryId: PublicId): Promise<CommandResult>;
  cancel(tenantId: PublicId, deliveryId: PublicId): Promise<CommandResult>;
  retryDeadLetter(tenantId: PublicId, deadLetterId: PublicId): Promise<CommandResult>;
  letHeldFollow(tenantId: PublicId, endpointId: PublicId): Promise<unknown>;
}

function commandsOf(platform: Platform): Commands {
  return {
    retry: (tenantId, deliveryId) => retryDelivery(platform, tenantId, deliveryId),
    cancel: (tenantId, deliveryId) => cancelDelivery(platform, tenantId, deliveryId),
    retryDeadLetter: (tenantId, deadLetterId) => retryDeadLetter(platform, tenantId, deadLetterId),
    letHeldFollow: (tenantId, endpointId) => letHeldFollow(platform, { endpointId, tenantId }),
  };
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
  const platforms: Platform[] = [];
  const open = () => {
    const platform = openPlatform({
      name: 'test',
      fragments: FRAGMENTS,
      env: {
        ...process.env,
        DATABASE_URL: database.url,
        WAYBILL_KEYS: TEST_KEYS,
        WAYBILL_TASK_QUEUE: queue,
        WAYBILL_ALLOW_HTTP: 'true',
        WAYBILL_ALLOW_PRIVATE_NETWORKS: '127.0.0.0/8,::1/128',
        WAYBILL_LOG_LEVEL: process.env.WAYBILL_TEST_LOG_LEVEL ?? 'silent',
        ...env,
      },
      ...options,
    });
    platforms.push(platform);
    return platform;
  };
  const queue = `test-${randomBytes(6).toString('hex')}`;
  const platform = open();
  const { settings, pool, keyring, client, namespace, log } = platform;
  const dispatch = openDispatch(platform);
  const { publisher, coverage } = platform.once(openPublishing);
  await registerSearchAttributes(client, namespace, log);
  const workers: { stop(): Promise<void> }[] = [];
  return {
    database,
    platform,
    config: {
      ...platform.config,
      ...settings.of(webhooksConfig),
      ...settings.of(paymentsConfig),
      ...settings.of(settlementConfig),
    },
    dispatch: { ...dispatch, pool, keyring },
    publisher,
    coverage,
    backlogs: openBacklogs(platform),
    commands: commandsOf(platform),
    client,
    metrics: platform.metrics.of(webhookMetrics),
    log,
    openPlatform: open,
    async startWorker(options = {}) {
      const started = await runWorker(platform, options);
      workers.push(started);
      return started;
    },
    async close() {
      await publisher.drain();
      await dispatch.engine.drain();
      await coverage.flush();
      for (const worker of workers) await worker.stop();
      for (const opened of platforms) await opened.close();
      const differing = await eventsUnlikeTheDocument(database.pool);
      await database.drop();
      if (differing.length > 0) throw new Error(`events are not as documented: ${differing.join('\n')}`);
    },
  };
}

let runtimeInstalled = false;

async function runWorker(platform: Platform, options: Pick<WorkersOptions, 'slots'>) {
  if (!runtimeInstalled) {
    Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
    runtimeInstalled = true;
  }
  const connection = await NativeConnection.connect({ address: process.env.TEMPORAL_ADDRESS ?? '127.0.0.1:7233' });
  const workers = await createWorkers(platform, {
    connection,
    roles: WORK,
    bundle: TEST_BUNDLE,
    shutdownGraceTime: '5s',
    ...options,
  });
  const run = workers.run();
  let stopped: Promise<void> | undefined;
  return {
    stop() {
      stopped ??= (async () => {
        workers.shutdown();
        await run;
        await connection.close();
      })();
      return stopped;
    },
  };
}
