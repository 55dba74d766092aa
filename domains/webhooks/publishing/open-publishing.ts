import type { Platform } from '../../../infra/platform/platform';
import { webhooksConfig } from '../config';
import { openDelivery } from '../delivery/open-delivery';
import { webhookMetrics } from '../metrics';
import { type Coverage, createCoverage } from './cover';
import { createGroupCommitPublisher, type GroupCommitPublisher } from './group-commit-publisher';

/** What a process that accepts messages has to have. */
export interface Publishing {
  publisher: GroupCommitPublisher;
  coverage: Coverage;
}

/** Opens the way in for messages. What is accepted is committed, attempted and covered before the process closes. */
export function openPublishing(platform: Platform): Publishing {
  const { pool, client, log } = platform;
  const { engine } = openDelivery(platform);
  const metrics = platform.metrics.of(webhookMetrics);
  const config = { ...platform.config, ...platform.settings.of(webhooksConfig) };
  const coverage = createCoverage({ pool, client, config, metrics, log });
  const publisher = createGroupCommitPublisher({ pool, config, engine, coverage, metrics });
  platform.onClose(async () => {
    await publisher.drain();
    await engine.drain();
    await coverage.flush();
  });
  return { publisher, coverage };
}
