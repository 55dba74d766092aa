import { randomUUID } from 'node:crypto';
import type { PublicId } from '../../../core/ids';
import { OwnWorkflowBudget } from '../../../core/own-workflow-budget';
import type { Logger } from '../../../infra/log';
import { createBoundedStarts } from '../../../infra/temporal/bounded-starts';
import { inboundBatchWorkflowId, inboundWorkflowId } from '../rules/workflow-names';
import { type InboundStarter, startProcessing } from '../start';
import type { NewEvent } from '../store/accept';

/** How long events that share a workflow gather. */
const GATHER_MS = 1_000;

/** Most events that share a workflow. */
const MAX_SHARED = 5_000;

/** Events that share a workflow. */
interface Gathering {
  workflowId: string;
  /** Assigned to it and neither stored nor given up. */
  underWay: number;
  stored: number;
  assigned: number;
  tenantIds: Set<PublicId>;
  closed: boolean;
}

/**
 * Gives every accepted event a workflow. At low load each has its own; under load those accepted within a second share
 * one. A workflow finds its events by its id, so it is started once they are stored, and any that were missed are found by
 * the sweep.
 */
export interface InboundCover {
  /** The workflow of an event that is about to be stored. */
  assign(event: Pick<NewEvent, 'id' | 'sourceId'>): string;
  /** Says whether it was stored. */
  report(event: NewEvent, stored: boolean): void;
  /** Resolves when every workflow is started or given up; the sweep finds what is given up. */
  drain(): Promise<void>;
}

export function createInboundCover(
  starter: InboundStarter,
  { ownWorkflowsPerSecond, log }: { ownWorkflowsPerSecond: number; log: Logger },
): InboundCover {
  const budget = new OwnWorkflowBudget(ownWorkflowsPerSecond);
  const starts = createBoundedStarts(log);
  const gatherings = new Map<string, Gathering>();
  let current: Gathering | undefined;
  let timer: NodeJS.Timeout | undefined;

  function begin(): Gathering {
    const workflowId = inboundBatchWorkflowId(randomUUID());
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
    start(workflowId, { tenantIds: [...tenantIds], summary: `${stored} inbound events` });
  }

  function start(workflowId: string, about: { tenantIds: PublicId[]; summary: string }): void {
    starts.start(workflowId, () => startProcessing(starter, { workflowId, ...about }));
  }

  return {
    assign({ id, sourceId }) {
      const free = budget.refill();
      budget.take();
      if (free > 0) return inboundWorkflowId(sourceId, id);
      current ??= begin();
      const gathering = current;
      gathering.assigned++;
      gathering.underWay++;
      if (gathering.assigned >= MAX_SHARED) close();
      return gathering.workflowId;
    },
    report({ id, sourceId, tenantId, workflowId }, stored) {
      const gathering = gatherings.get(workflowId);
      if (gathering === undefined) {
        if (stored) start(workflowId, { tenantIds: [tenantId], summary: `${id} from ${sourceId}` });
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
