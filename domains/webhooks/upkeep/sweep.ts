import { randomUUID } from 'node:crypto';
import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { openBacklogs } from '../backlog/open-backlogs';
import { openCircuits } from '../circuit/open-circuits';
import { recoverDeadLetters } from '../circuit/recover-dead-letters';
import { webhooksConfig } from '../config';
import { letHeldFollow } from '../endpoints/let-held-follow';
import { webhookMetrics } from '../metrics';
import { sweepReplays } from '../replay/sweep-replays';
import { batchWorkflowId, MAX_DELIVERIES_PER_WORKFLOW } from '../rules/workflow-names';
import { type Cover, startCover } from '../start';
import { findUnattendedBacklogs, moveToBacklog } from '../store/backlog';
import { findUnattendedCircuits } from '../store/circuits';
import { findWronglyHeld } from '../store/held';
import { buryHeld, findHeldTooLong } from '../store/held-flow';
import { findOverdue, moveToWorkflow, type OverdueDelivery } from '../store/overdue';

/** What a sweep found, and what it did about it. */
export interface SweepReport {
  /** Overdue deliveries in no backlog. */
  overdue: number;
  /** Workflows started for them. */
  started: number;
  /** Workflows that were running, and kept. */
  kept: number;
  /** Deliveries moved to the backlogs of their endpoints; absent in reports of earlier versions. */
  moved?: number;
  /** Backlogs whose workflow was missing. */
  backlogs?: number;
  /** Held deliveries that nothing holds any more. */
  held?: number;
  /** Circuits that are not closed, and whose workflow was missing. */
  circuits?: number;
  /** Deliveries that were held for too long. */
  expired?: number;
  /** Replays whose workflow was missing. */
  replays?: number;
  /** Endpoints whose dead letters began to be delivered, or that were tried with one. */
  recovering?: number;
}

export interface SweepOptions {
  /** Says that it is alive; called after every statement. */
  beat(): void;
  /** How late a delivery may be before the sweep covers it, in milliseconds; by default as configured. */
  graceMs?: number | undefined;
}

const PAGE = 5_000;
/** After this the next sweep goes on. */
const BUDGET_MS = 60_000;

/** More overdue deliveries of one endpoint than this go to its backlog. */
const FEW_OF_ENDPOINT = 50;

/** Overdue by this many graces while a workflow is running: it is stuck, and a fresh one takes the deliveries. */
const STUCK_GRACES = 8;

/** More workflows lost at once than this (an outage of Temporal at low load) are replaced by a few shared ones. */
const MAX_RESTARTED = 50;

const MAX_ENDPOINTS = 10_000;

const BURIED_AT_ONCE = 1_000;

/**
 * Covers deliveries that nobody attends to: their process died before it started the workflow, the workflow is gone, or
 * a held delivery's endpoint is not paused. What only waits for its turn is in a backlog that is attended to, and is
 * left alone.
 */
export async function sweep(platform: Platform, { beat, graceMs }: SweepOptions): Promise<SweepReport> {
  const report = {
    overdue: 0,
    started: 0,
    kept: 0,
    moved: 0,
    backlogs: 0,
    held: 0,
    circuits: 0,
    expired: 0,
    replays: 0,
    recovering: 0,
  };
  const until = Date.now() + BUDGET_MS;
  const bounds = { beat, until, graceMs: graceMs ?? platform.settings.of(webhooksConfig).WAYBILL_SWEEP_GRACE };
  await sweepOverdue(platform, report, bounds);
  await sweepBacklogs(platform, report, bounds);
  await sweepHeld(platform, report, bounds);
  await sweepCircuits(platform, report, bounds);
  await buryHeldTooLong(platform, report, bounds);
  report.replays = await sweepReplays(platform, bounds.graceMs);
  report.recovering = await recoverDeadLetters(platform, beat);
  if (Object.values(report).some((count) => count > 0)) platform.log.info(report, 'swept deliveries');
  return report;
}

type Counts = Required<SweepReport>;

interface Bounds {
  beat(): void;
  until: number;
  graceMs: number;
}

async function sweepOverdue(platform: Platform, report: Counts, { beat, until, graceMs }: Bounds): Promise<void> {
  let last: OverdueDelivery | undefined;
  do {
    beat();
    const page = await findOverdue(platform.pool, graceMs, PAGE, last);
    last = page.length === PAGE ? page.at(-1) : undefined;
    report.overdue += page.length;
    const few = await moveMany(platform, page, report);
    await coverFew(platform, few, { report, graceMs });
  } while (last !== undefined && Date.now() < until);
}

/** Moves the deliveries of endpoints that have many to their backlogs. @returns the others */
async function moveMany(
  platform: Platform,
  page: readonly OverdueDelivery[],
  report: Counts,
): Promise<OverdueDelivery[]> {
  const few: OverdueDelivery[] = [];
  for (const [endpointId, deliveries] of groupBy(page, (delivery) => delivery.endpointId)) {
    const [first] = deliveries;
    if (first === undefined || deliveries.length <= FEW_OF_ENDPOINT) {
      few.push(...deliveries);
      continue;
    }
    const moved = await moveToBacklog(platform.pool, idsOf(deliveries), undefined);
    report.moved += moved.length;
    openBacklogs(platform).tell({ endpointId, tenantId: first.tenantId });
  }
  return few;
}

/** Starts the workflows of the others again under their ids, or gives them to fresh ones. */
async function coverFew(
  platform: Platform,
  deliveries: readonly OverdueDelivery[],
  { report, graceMs }: { report: Counts; graceMs: number },
): Promise<void> {
  const groups = [...groupBy(deliveries, (delivery) => delivery.workflowId)];
  const neglected: OverdueDelivery[] = [];
  for (const [position, [workflowId, group]] of groups.entries()) {
    if (position >= MAX_RESTARTED || group.length > MAX_DELIVERIES_PER_WORKFLOW) {
      neglected.push(...group);
      continue;
    }
    if (await startCover(platform, coverOf(workflowId, group))) {
      report.started++;
      platform.metrics.of(webhookMetrics).swept.inc(group.length);
      continue;
    }
    report.kept++;
    const stuck = group.filter(({ overdueMs }) => overdueMs >= graceMs * STUCK_GRACES);
    if (stuck.length === 0) continue;
    platform.log.warn({ workflowId, deliveries: stuck.length }, 'a workflow neglects its deliveries');
    neglected.push(...stuck);
  }
  for (let from = 0; from < neglected.length; from += MAX_DELIVERIES_PER_WORKFLOW) {
    await coverAnew(platform, neglected.slice(from, from + MAX_DELIVERIES_PER_WORKFLOW), report);
  }
}

async function coverAnew(platform: Platform, group: readonly OverdueDelivery[], report: Counts): Promise<void> {
  const workflowId = `${batchWorkflowId(randomUUID().replaceAll('-', ''))}.sweep`;
  const moved = new Set(await moveToWorkflow(platform.pool, idsOf(group), workflowId));
  const open = group.filter(({ id }) => moved.has(id));
  if (open.length === 0) return;
  await startCover(platform, coverOf(workflowId, open));
  report.started++;
  platform.metrics.of(webhookMetrics).swept.inc(open.length);
}

async function sweepBacklogs(platform: Platform, report: Counts, { graceMs }: Bounds): Promise<void> {
  const backlogs = await findUnattendedBacklogs(platform.pool, graceMs, MAX_ENDPOINTS);
  for (const backlog of backlogs) openBacklogs(platform).tell(backlog);
  report.backlogs = backlogs.length;
}

async function sweepHeld(platform: Platform, report: Counts, { beat, until }: Bounds): Promise<void> {
  for (const backlog of await findWronglyHeld(platform.pool, MAX_ENDPOINTS)) {
    if (Date.now() > until) return;
    beat();
    const { released, cancelled } = await letHeldFollow(platform, backlog);
    report.held += released + cancelled;
  }
}

async function sweepCircuits(platform: Platform, report: Counts, { graceMs }: Bounds): Promise<void> {
  const unattended = await findUnattendedCircuits(platform.pool, graceMs, MAX_ENDPOINTS);
  for (const circuit of unattended) openCircuits(platform).attend(circuit);
  report.circuits = unattended.length;
}

async function buryHeldTooLong(platform: Platform, report: Counts, { beat, until }: Bounds): Promise<void> {
  const holdForMs = platform.settings.of(webhooksConfig).WAYBILL_HOLD_FOR;
  for (const endpointId of await findHeldTooLong(platform.pool, holdForMs, MAX_ENDPOINTS)) {
    for (let buried = BURIED_AT_ONCE; buried === BURIED_AT_ONCE && Date.now() <= until; ) {
      beat();
      buried = await buryHeld(platform.pool, endpointId, { holdForMs, limit: BURIED_AT_ONCE });
      report.expired += buried;
    }
  }
  if (report.expired > 0) {
    platform.metrics.of(webhookMetrics).deadLetters.inc({ reason: 'held-too-long' }, report.expired);
  }
}

function coverOf(workflowId: string, group: readonly OverdueDelivery[]): Cover {
  return {
    workflowId,
    open: idsOf(group),
    ended: {},
    tenantIds: [...new Set(group.map(({ tenantId }) => tenantId))],
    endpointIds: [...new Set(group.map(({ endpointId }) => endpointId))],
    startDelayMs: 0,
  };
}

function idsOf(deliveries: readonly OverdueDelivery[]): PublicId[] {
  return deliveries.map(({ id }) => id);
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
