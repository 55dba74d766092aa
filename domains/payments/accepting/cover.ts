import { randomUUID } from 'node:crypto';
import type { PublicId } from '../../../core/ids';
import { OwnWorkflowBudget } from '../../../core/own-workflow-budget';
import type { Logger } from '../../../infra/log';
import { createBoundedStarts } from '../../../infra/temporal/bounded-starts';

/** How long things that share a workflow gather. */
const GATHER_MS = 1_000;

/** Most things that share a workflow. */
const MAX_SHARED = 500;

/** What is covered: a payment or a refund. */
export interface Covered {
  id: PublicId;
  tenantId: PublicId;
  workflowId: string;
  state: string;
}

/** Things that share a workflow, when it starts. */
export interface Shared {
  workflowId: string;
  tenantIds: readonly PublicId[];
  /** Those that go on in it. */
  open: string[];
  /** How many ended cleanly before, by state. */
  ended: Readonly<Record<string, number>>;
}

/** The workflows of one kind of thing. */
export interface CoverKind<T extends Covered> {
  ownId(id: PublicId): string;
  sharedId(batch: string): string;
  /** @param ended - how it ended, if it did */
  startOwn(item: T, ended: T | undefined): Promise<unknown>;
  startShared(shared: Shared): Promise<unknown>;
  /** Whether what did not end cleanly goes on in the shared workflow; otherwise it gets one of its own. */
  sharesOpen: boolean;
}

/**
 * Gives everything that is accepted a workflow. At low load each has its own; under load those accepted within a second share
 * one, which is told how many ended cleanly.
 */
export interface Cover<T extends Covered> {
  /** The workflow id of the next one. */
  assign(id: PublicId): string;
  /** Whether it goes on in the workflow that it was assigned, if it does not end cleanly; otherwise in one of its own. */
  keepsWorkflow(item: T): boolean;
  /** Reports the end of the first step. @param ended - undefined when it did not end cleanly */
  report(item: T, ended: T | undefined): void;
  /** Resolves when every workflow is started or given up; the sweep finds what is given up. */
  drain(): Promise<void>;
}

interface Gathering {
  workflowId: string;
  count: number;
  tenantIds: Set<PublicId>;
  open: Set<PublicId>;
  ended: Record<string, number>;
}

export function createCover<T extends Covered>(
  kind: CoverKind<T>,
  { ownWorkflowsPerSecond, log }: { ownWorkflowsPerSecond: number; log: Logger },
): Cover<T> {
  const budget = new OwnWorkflowBudget(ownWorkflowsPerSecond);
  const starts = createBoundedStarts(log);
  const gatherings = new Map<string, Gathering>();
  let current: Gathering | undefined;
  let timer: NodeJS.Timeout | undefined;

  function assign(id: PublicId): string {
    const free = budget.refill();
    budget.take();
    if (free > 0) return kind.ownId(id);
    current ??= begin();
    const { workflowId } = current;
    current.count++;
    if (current.count >= MAX_SHARED) close();
    return workflowId;
  }

  function begin(): Gathering {
    const workflowId = kind.sharedId(randomUUID());
    const gathering: Gathering = {
      workflowId,
      count: 0,
      tenantIds: new Set(),
      open: new Set(),
      ended: {},
    };
    gatherings.set(workflowId, gathering);
    timer = setTimeout(close, GATHER_MS);
    return gathering;
  }

  function close(): void {
    clearTimeout(timer);
    const gathering = current;
    current = undefined;
    if (gathering !== undefined) setTimeout(() => startShared(gathering), GATHER_MS).unref();
  }

  function startShared(gathering: Gathering): void {
    if (!gatherings.delete(gathering.workflowId)) return;
    const { workflowId, open, ended, tenantIds } = gathering;
    if (open.size === 0 && Object.keys(ended).length === 0) return;
    starts.start(workflowId, () => kind.startShared({ workflowId, open: [...open], ended, tenantIds: [...tenantIds] }));
  }

  function report(item: T, ended: T | undefined): void {
    const gathering = gatherings.get(item.workflowId);
    const own = kind.ownId(item.id);
    if (ended !== undefined && gathering !== undefined) {
      gathering.tenantIds.add(item.tenantId);
      gathering.ended[ended.state] = (gathering.ended[ended.state] ?? 0) + 1;
    } else if (gathering !== undefined && kind.sharesOpen) {
      gathering.tenantIds.add(item.tenantId);
      gathering.open.add(item.id);
    } else if (ended === undefined || own === item.workflowId) {
      starts.start(own, () => kind.startOwn({ ...item, workflowId: own }, ended));
    }
  }

  return {
    assign,
    keepsWorkflow: ({ id, workflowId }) =>
      workflowId === kind.ownId(id) || (kind.sharesOpen && gatherings.has(workflowId)),
    report,
    async drain() {
      clearTimeout(timer);
      current = undefined;
      for (const gathering of [...gatherings.values()]) startShared(gathering);
      await starts.drain();
    },
  };
}
