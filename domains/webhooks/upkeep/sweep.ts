import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import type { Logger } from '../../../infra/log';
import type { PlatformConfig } from '../../../infra/platform/config';
import type { WebhooksConfig } from '../config';
import type { WebhookMetrics } from '../metrics';
import { batchWorkflowId, MAX_DELIVERIES_PER_WORKFLOW } from '../rules/workflow-names';
import { type Cover, type StartDeps, startCover } from '../start';
import { findOverdue, type OverdueGroup } from '../store/overdue';

/** What a sweep found: overdue deliveries, workflows started for them, and workflows that were running and kept. */
export interface SweepReport {
  overdue: number;
  started: number;
  kept: number;
}

const MAX_SWEPT = 20_000;

/** Overdue by this many graces while a workflow is running: it is stuck, and a fresh one takes the deliveries. */
const STUCK_GRACES = 8;

export interface SweepDeps extends StartDeps {
  pool: Pool;
  config: PlatformConfig & WebhooksConfig;
  metrics: WebhookMetrics;
  log: Logger;
}

/** Covers deliveries that nobody attended to: their process died before it started the workflow, or the workflow is gone. */
export async function sweep(deps: SweepDeps, graceMs = deps.config.WAYBILL_SWEEP_GRACE): Promise<SweepReport> {
  const { pool, config, metrics, log } = deps;
  const groups = await findOverdue(pool, graceMs, MAX_SWEPT);
  const report: SweepReport = { overdue: 0, started: 0, kept: 0 };
  for (const group of merge(groups)) {
    report.overdue += group.deliveryIds.length;
    const started = await startCover(deps, coverOf(group));
    if (started) {
      report.started++;
      metrics.swept.inc(group.deliveryIds.length);
      continue;
    }
    report.kept++;
    if (group.overdueMs < config.WAYBILL_SWEEP_GRACE * STUCK_GRACES) continue;
    log.warn(
      { workflowId: group.workflowId, overdueMs: group.overdueMs },
      'a workflow neglects its deliveries; covering them anew',
    );
    const fresh = { ...coverOf(group), workflowId: `${batchWorkflowId(randomUUID().replaceAll('-', ''))}.sweep` };
    await startCover(deps, fresh);
    metrics.swept.inc(group.deliveryIds.length);
  }
  if (report.overdue > 0) log.info(report, 'swept overdue deliveries');
  return report;
}

function coverOf(group: OverdueGroup): Cover {
  return {
    workflowId: group.workflowId,
    open: group.deliveryIds,
    ended: {},
    tenantIds: group.tenantIds,
    endpointIds: group.endpointIds,
    startDelayMs: 0,
  };
}

/** More lone workflows than this lost at once (an outage of Temporal at low load) are replaced by a few shared ones. */
const MAX_LONE_WORKFLOWS = 50;

function merge(groups: OverdueGroup[]): OverdueGroup[] {
  const lone = groups.filter((group) => group.deliveryIds.length === 1);
  if (lone.length <= MAX_LONE_WORKFLOWS) return groups;
  const merged = groups.filter((group) => group.deliveryIds.length > 1);
  for (let start = 0; start < lone.length; start += MAX_DELIVERIES_PER_WORKFLOW) {
    const part = lone.slice(start, start + MAX_DELIVERIES_PER_WORKFLOW);
    merged.push({
      workflowId: `${batchWorkflowId(randomUUID().replaceAll('-', ''))}.sweep`,
      deliveryIds: part.flatMap((group) => group.deliveryIds),
      tenantIds: [...new Set(part.flatMap((group) => group.tenantIds))],
      endpointIds: [...new Set(part.flatMap((group) => group.endpointIds))],
      overdueMs: Math.max(...part.map((group) => group.overdueMs)),
    });
  }
  return merged;
}
