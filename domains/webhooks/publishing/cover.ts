import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type { PublicId } from '../../../core/ids';
import { withTimeout } from '../../../core/timeout';
import type { Logger } from '../../../infra/log';
import type { PlatformConfig } from '../../../infra/platform/config';
import type { Queryable } from '../../../infra/postgres/pool';
import { taskQueue } from '../../../infra/temporal/task-queues';
import type { WebhooksConfig } from '../config';
import type { Settlement } from '../delivery/claimed-delivery';
import type { WebhookMetrics } from '../metrics';
import { batchWorkflowId, deliveryWorkflowId, MAX_DELIVERIES_PER_WORKFLOW } from '../rules/workflow-names';
import { readBatch } from '../store/claims';
import type { StoredDelivery } from '../store/publish';
import { type Cover, startCover } from './cover-workflow';

/**
 * Workflows for single deliveries that may be started a second, and at once. A dev server carries about 25 to 45
 * workflows with one activity a second on two cores, so this leaves room for retries.
 */
const OWN_WORKFLOWS_PER_SECOND = 10;
const OWN_WORKFLOWS_BURST = 20;

/**
 * Deliveries that share a workflow id at most. Those whose first attempt was made in time are only counted, so many fit;
 * if first attempts are left to the workflow, it is to list every one.
 */
const SHARED_BY_COUNTED = 10 * MAX_DELIVERIES_PER_WORKFLOW;

/**
 * Under load, covers whose deliveries are still waiting for their first attempt are started so much later: by then most
 * of them are settled, and the workflow has nothing to do.
 */
const RIPEN_MS = 1_000;

/** Starts under way at once, and covers waiting at most; what is given up is found by the sweep. */
const STARTS_IN_FLIGHT = 8;
const MAX_WAITING = 5_000;
const START_TIMEOUT_MS = 10_000;
const START_TRIES = 6;
const START_PAUSE_MS = 500;

/** Under which workflow ids the next commit is to put its deliveries. */
export interface CoverPlan {
  ownWorkflows: number;
  sharedWorkflow: string;
  sharedOffset: number;
  sharedSize: number;
}

export interface Coverage {
  /** Asked before a commit. Commits with the same slot never overlap. */
  plan(slot: number): CoverPlan;
  /** Told when the commit is over, also when it failed. */
  committed(slot: number): void;
  /**
   * Told of every delivery of a commit.
   *
   * @param dueInMs - until it is due for the workflow if nothing is heard of its first attempt
   * @returns to be called with what the first attempt came to
   */
  add(slot: number, tenantId: PublicId, delivery: StoredDelivery, dueInMs: number): (settlement: Settlement) => void;
  /** Starts what is gathered, and resolves when it is started or given up. */
  flush(): Promise<void>;
}

interface OpenCover {
  workflowId: string;
  openedAt: number;
  /** When each delivery that is not settled is due, in milliseconds since the epoch. */
  open: Map<PublicId, number>;
  settled: Record<string, number>;
  tenantIds: Set<PublicId>;
  endpointIds: Set<PublicId>;
}

interface Slot {
  shared: string;
  offset: number;
  timer: NodeJS.Timeout | undefined;
  /** A commit is under way that may still add to what is gathered. */
  committing: boolean;
  /** The time to gather is over. */
  due: boolean;
  covers: Map<string, OpenCover>;
}

export interface CoverageDeps {
  pool: Queryable;
  client: Client;
  config: PlatformConfig & WebhooksConfig;
  metrics: WebhookMetrics;
  log: Logger;
}

/**
 * Sees to it that a workflow stands behind every accepted delivery. At low load each has its own, with its own page in
 * Web UI; under load they share, by the time they came in. A cover is started a moment later, so that deliveries whose
 * first attempt succeeds meanwhile are only counted: the workflow is told what is still open.
 */
export function createCoverage({ pool, client, config, metrics, log }: CoverageDeps): Coverage {
  const sharedSize = config.WAYBILL_FIRST_ATTEMPT === 'api' ? SHARED_BY_COUNTED : MAX_DELIVERIES_PER_WORKFLOW;
  const slots = new Map<number, Slot>();
  const waiting: Cover[] = [];
  const ripening = new Map<OpenCover, NodeJS.Timeout>();
  let starting = 0;
  let idle: (() => void)[] = [];
  let tokens = OWN_WORKFLOWS_BURST;
  let refilledAt = Date.now();

  /** Every delivery takes a token, shared or not, so that under load none is left and all share. */
  function refillTokens(): number {
    const now = Date.now();
    tokens = Math.min(OWN_WORKFLOWS_BURST, tokens + ((now - refilledAt) / 1000) * OWN_WORKFLOWS_PER_SECOND);
    refilledAt = now;
    return Math.max(0, Math.floor(tokens));
  }

  function slotOf(index: number): Slot {
    let slot = slots.get(index);
    if (slot === undefined) {
      slot = { shared: newShared(), offset: 0, timer: undefined, committing: false, due: false, covers: new Map() };
      slots.set(index, slot);
    }
    return slot;
  }

  /** Short while tokens are left. Without, most of the deliveries share, and the longer they gather the fewer workflows there are. */
  function lingerMs(): number {
    return tokens > 0 ? config.WAYBILL_COVER_LINGER : config.WAYBILL_COVER_LINGER_MAX;
  }

  function close(slot: Slot): void {
    clearTimeout(slot.timer);
    slot.timer = undefined;
    slot.due = false;
    for (const cover of slot.covers.values()) {
      if (cover.open.size > 1)
        ripening.set(
          cover,
          setTimeout(() => enqueue(cover), RIPEN_MS),
        );
      else enqueue(cover);
    }
    slot.covers = new Map();
    slot.shared = newShared();
    slot.offset = 0;
  }

  /** Not while a commit is under way: what it stores under the same workflow id would come too late for it. */
  function closeWhenCommitted(slot: Slot): void {
    if (slot.committing) slot.due = true;
    else close(slot);
  }

  function enqueue(cover: OpenCover): void {
    clearTimeout(ripening.get(cover));
    ripening.delete(cover);
    if (waiting.length >= MAX_WAITING) {
      metrics.coverFailures.inc();
      return;
    }
    const now = Date.now();
    let dueAt = Number.POSITIVE_INFINITY;
    for (const at of cover.open.values()) dueAt = Math.min(dueAt, at);
    const open = [...cover.open.keys()];
    const common = {
      tenantIds: [...cover.tenantIds],
      endpointIds: [...cover.endpointIds],
      startDelayMs: Number.isFinite(dueAt) ? Math.max(0, dueAt - now) : 0,
    };
    waiting.push({
      ...common,
      workflowId: cover.workflowId,
      open: open.slice(0, MAX_DELIVERIES_PER_WORKFLOW),
      settled: cover.settled,
    });
    // Rare: so many first attempts failed or are still under way.
    for (let from = MAX_DELIVERIES_PER_WORKFLOW; from < open.length; from += MAX_DELIVERIES_PER_WORKFLOW) {
      waiting.push({
        ...common,
        workflowId: `${cover.workflowId}.from_${from}`,
        open: open.slice(from, from + MAX_DELIVERIES_PER_WORKFLOW),
        settled: {},
      });
    }
    pump();
  }

  function pump(): void {
    while (starting < STARTS_IN_FLIGHT) {
      const cover = waiting.shift();
      if (cover === undefined) break;
      starting++;
      void start(cover).finally(() => {
        starting--;
        pump();
      });
    }
    metrics.coversWaiting.set(waiting.length + starting);
    if (starting === 0 && waiting.length === 0) for (const resolve of idle.splice(0)) resolve();
  }

  /**
   * The workflow was there before: another commit put deliveries under its id after it was started, or a command started
   * it for one of them. What is still open gets one of its own.
   */
  async function startLate(cover: Cover): Promise<void> {
    const { open } = await readBatch(pool, cover.open);
    if (open.length === 0) return;
    const workflowId = `${cover.workflowId}.late_${randomUUID().slice(0, 8)}`;
    await start({ ...cover, workflowId, open: open.map((delivery) => delivery.id) });
  }

  async function start(cover: Cover): Promise<void> {
    for (let tries = 1; tries <= START_TRIES; tries++) {
      try {
        const started = await withTimeout(
          startCover(client, cover, taskQueue(config, 'delivery'), true),
          START_TIMEOUT_MS,
        );
        // After a failed try it may be this very cover that is there.
        if (!started && tries === 1) await startLate(cover);
        return;
      } catch (error) {
        metrics.coverFailures.inc();
        log.warn({ err: error, workflowId: cover.workflowId, tries }, 'could not start a covering workflow');
        await new Promise((resolve) => setTimeout(resolve, START_PAUSE_MS * tries));
      }
    }
  }

  return {
    plan(index) {
      const slot = slotOf(index);
      if (slot.offset >= sharedSize) close(slot);
      slot.committing = true;
      return { ownWorkflows: refillTokens(), sharedWorkflow: slot.shared, sharedOffset: slot.offset, sharedSize };
    },
    committed(index) {
      const slot = slotOf(index);
      slot.committing = false;
      if (slot.due) close(slot);
    },
    add(index, tenantId, delivery, dueInMs) {
      const slot = slotOf(index);
      let cover = slot.covers.get(delivery.workflowId);
      if (cover === undefined) {
        cover = {
          workflowId: delivery.workflowId,
          openedAt: Date.now(),
          open: new Map(),
          settled: {},
          tenantIds: new Set(),
          endpointIds: new Set(),
        };
        slot.covers.set(delivery.workflowId, cover);
      }
      tokens = Math.max(-OWN_WORKFLOWS_BURST, tokens - 1);
      if (delivery.workflowId !== deliveryWorkflowId(delivery.id)) slot.offset++;
      cover.open.set(delivery.id, Date.now() + dueInMs);
      cover.tenantIds.add(tenantId);
      cover.endpointIds.add(delivery.endpointId);
      slot.timer ??= setTimeout(() => closeWhenCommitted(slot), lingerMs());
      const into = cover;
      return (settlement) => settle(into, delivery.id, settlement);
    },
    async flush() {
      for (const slot of slots.values()) close(slot);
      for (const cover of [...ripening.keys()]) enqueue(cover);
      if (starting === 0 && waiting.length === 0) return;
      await new Promise<void>((resolve) => {
        idle = [...idle, resolve];
      });
    },
  };
}

function newShared(): string {
  return batchWorkflowId(randomUUID().replaceAll('-', ''));
}

function settle(cover: OpenCover, deliveryId: PublicId, settlement: Settlement): void {
  if (!cover.open.has(deliveryId)) return;
  switch (settlement.state) {
    case 'delivered':
    case 'dead':
      cover.open.delete(deliveryId);
      cover.settled[settlement.state] = (cover.settled[settlement.state] ?? 0) + 1;
      return;
    case 'retrying':
      if (settlement.nextAttemptAt !== undefined) cover.open.set(deliveryId, settlement.nextAttemptAt.getTime());
      return;
    case 'declined':
      cover.open.set(deliveryId, Date.now());
  }
}
