import { randomUUID } from 'node:crypto';
import type { PublicId } from '../../core/ids';
import { OwnWorkflowBudget } from '../../core/own-workflow-budget';
import type { Logger } from '../log';
import { createBoundedStarts } from './bounded-starts';

/** How long things that share a workflow gather. */
const GATHER_MS = 1_000;

/** Most things that share a workflow. */
const MAX_SHARED = 5_000;

/** Things that share a workflow. */
interface Gathering {
  workflowId: string;
  /** Assigned to it and neither stored nor given up. */
  underWay: number;
  stored: number;
  assigned: number;
  tenantIds: Set<PublicId>;
  closed: boolean;
}

/** What is about to be stored, and then has a workflow. */
export interface Covered {
  tenantId: PublicId;
  /** The workflow that it has if it has one of its own. */
  ownWorkflowId: string;
  /** What that does, for Web UI. */
  summary: string;
}

/** A workflow to start. */
export interface CoverStart {
  workflowId: string;
  tenantIds: PublicId[];
  summary: string;
}

/**
 * Gives everything that is accepted a workflow. At low load each has its own; under load those accepted within a second share
 * one. A workflow finds what is its by its id, so it is started once that is stored, and what was missed is found by a sweep.
 */
export interface SharedWorkflows {
  /** The workflow of something that is about to be stored. */
  assign(covered: Covered): string;
  /** Says whether it was stored with this workflow. */
  report(covered: Covered, workflowId: string, stored: boolean): void;
  /** Resolves when every workflow is started or given up; the sweep finds what is given up. */
  drain(): Promise<void>;
}

export interface SharedWorkflowsOptions {
  /** The id of a workflow that several share. */
  batchWorkflowId(batch: string): string;
  /** What they are called, for Web UI, such as `inbound events`. */
  things: string;
  /** How many things may have a workflow of their own each second. */
  ownWorkflowsPerSecond: number;
  start(cover: CoverStart): Promise<void>;
  log: Logger;
}

export function createSharedWorkflows(options: SharedWorkflowsOptions): SharedWorkflows {
  const { batchWorkflowId, things, log } = options;
  const budget = new OwnWorkflowBudget(options.ownWorkflowsPerSecond);
  const starts = createBoundedStarts(log);
  const gatherings = new Map<string, Gathering>();
  let current: Gathering | undefined;
  let timer: NodeJS.Timeout | undefined;

  function begin(): Gathering {
    const workflowId = batchWorkflowId(randomUUID());
    const gathering = {
      workflowId,
      underWay: 0,
      stored: 0,
      assigned: 0,
      tenantIds: new Set<PublicId>(),
      closed: false,
    };
    gatherings.set(workflowId, gathering);
    timer = setTimeout(close, GATHER_MS);
    return gathering;
  }

  function close(): void {
    clearTimeout(timer);
    const gathering = current;
    current = undefined;
    if (gathering === undefined) return;
    gathering.closed = true;
    startIfComplete(gathering);
  }

  function startIfComplete({ workflowId, closed, underWay, stored, tenantIds }: Gathering): void {
    if (!closed || underWay > 0) return;
    gatherings.delete(workflowId);
    if (stored === 0) return;
    start({ workflowId, tenantIds: [...tenantIds], summary: `${stored} ${things}` });
  }

  function start(cover: CoverStart): void {
    starts.start(cover.workflowId, () => options.start(cover));
  }

  return {
    assign({ ownWorkflowId }) {
      const free = budget.refill();
      budget.take();
      if (free > 0) return ownWorkflowId;
      current ??= begin();
      const gathering = current;
      gathering.assigned++;
      gathering.underWay++;
      if (gathering.assigned >= MAX_SHARED) close();
      return gathering.workflowId;
    },
    report({ tenantId, summary }, workflowId, stored) {
      const gathering = gatherings.get(workflowId);
      if (gathering === undefined) {
        if (stored) start({ workflowId, tenantIds: [tenantId], summary });
        return;
      }
      gathering.underWay--;
      if (stored) {
        gathering.stored++;
        gathering.tenantIds.add(tenantId);
      }
      startIfComplete(gathering);
    },
    async drain() {
      close();
      await starts.drain();
    },
  };
}
