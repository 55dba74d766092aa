import type { Platform } from '../../../infra/platform/platform';
import { webhooksConfig } from '../config';
import { openDispatch } from '../delivery/open-dispatch';
import { webhookMetrics } from '../metrics';
import { startCover } from '../start';
import { readBatch } from '../store/batch-state';
import { CoverStarter } from './cover-starter';
import { Coverage } from './coverage';
import { createGroupCommitPublisher, type GroupCommitPublisher } from './group-commit-publisher';

/** What a process that accepts messages needs. */
export interface Publishing {
  publisher: GroupCommitPublisher;
  coverage: Coverage;
}

/** Opens publishing. Accepted messages are committed, attempted and covered before the process closes. */
export function openPublishing(platform: Platform): Publishing {
  const { pool, log } = platform;
  const { engine } = openDispatch(platform);
  const metrics = platform.metrics.of(webhookMetrics);
  const config = platform.settings.of(webhooksConfig);
  const starter = new CoverStarter({
    start: (cover) => startCover(platform, cover, { once: true }),
    stillOpen: async (deliveryIds) => (await readBatch(pool, deliveryIds)).open.map(({ id }) => id),
    metrics,
    log,
  });
  const coverage = new Coverage({ starter, config });
  const publisher = createGroupCommitPublisher({ pool, config, engine, coverage, metrics });
  platform.onClose(async () => {
    await publisher.drain();
    await engine.drain();
    await coverage.flush();
  });
  return { publisher, coverage };
}
