import type { Platform } from '../../../infra/platform/platform';
import { openBacklogs } from '../backlog/open-backlogs';
import { webhooksConfig } from '../config';
import { openDispatch } from '../delivery/open-dispatch';
import { webhookMetrics } from '../metrics';
import { startCover } from '../start';
import { moveToWorkflow } from '../store/overdue';
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
  const { engine, ordered } = openDispatch(platform);
  const metrics = platform.metrics.of(webhookMetrics);
  const config = platform.settings.of(webhooksConfig);
  const starter = new CoverStarter({
    start: (cover) => startCover(platform, cover, { once: true }),
    takeOver: (deliveryIds, workflowId) => moveToWorkflow(pool, deliveryIds, workflowId),
    metrics,
    log,
  });
  const coverage = new Coverage({
    starter,
    config,
    ownWorkflowsPerSecond: platform.config.WAYBILL_OWN_WORKFLOWS_PER_SECOND,
  });
  const backlogs = openBacklogs(platform);
  const publisher = createGroupCommitPublisher({ pool, config, engine, coverage, backlogs, ordered, metrics });
  platform.onClose(async () => {
    await publisher.drain();
    await engine.drain();
    await coverage.flush();
  });
  return { publisher, coverage };
}
