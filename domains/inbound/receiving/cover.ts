import type { Logger } from '../../../infra/log';
import { createSharedWorkflows } from '../../../infra/temporal/shared-workflows';
import { inboundBatchWorkflowId, inboundWorkflowId } from '../rules/workflow-names';
import { type InboundStarter, startProcessing } from '../start';
import type { NewEvent } from '../store/accept';

/** Gives every accepted event a workflow, its own or one that several share; see `SharedWorkflows`. */
export interface InboundCover {
  /** The workflow of an event that is about to be stored. */
  assign(event: Pick<NewEvent, 'id' | 'sourceId' | 'tenantId'>): string;
  /** Says whether it was stored. */
  report(event: NewEvent, stored: boolean): void;
  /** Resolves when every workflow is started or given up; the sweep finds what is given up. */
  drain(): Promise<void>;
}

export function createInboundCover(
  starter: InboundStarter,
  { ownWorkflowsPerSecond, log }: { ownWorkflowsPerSecond: number; log: Logger },
): InboundCover {
  const workflows = createSharedWorkflows({
    batchWorkflowId: inboundBatchWorkflowId,
    things: 'inbound events',
    ownWorkflowsPerSecond,
    start: (cover) => startProcessing(starter, cover),
    log,
  });
  const covered = ({ id, sourceId, tenantId }: Pick<NewEvent, 'id' | 'sourceId' | 'tenantId'>) => ({
    tenantId,
    ownWorkflowId: inboundWorkflowId(sourceId, id),
    summary: `${id} from ${sourceId}`,
  });
  return {
    assign: (event) => workflows.assign(covered(event)),
    report: (event, stored) => workflows.report(covered(event), event.workflowId, stored),
    drain: () => workflows.drain(),
  };
}
