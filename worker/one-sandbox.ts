import { type CompiledWorkerOptions, type Logger, Worker } from '@temporalio/worker';
import type { WorkflowCreator } from '@temporalio/worker/lib/workflow/interface';
import type { WorkflowBundleWithSourceMapAndFilename } from '@temporalio/worker/lib/workflow/workflow-worker-thread/input';

/** A kind of worker whose workers run their workflows in one thread, with one copy of the bundle. */
export interface OneSandbox {
  Worker: typeof Worker;
  /** Ends the thread, once no worker of this kind runs or is being made. */
  close(): Promise<void>;
}

/**
 * See docs/decisions/0010-task-queues-by-work.md. The SDK has no option for it; the method that makes the thread is
 * protected, so that the compiler says so when an upgrade changes it.
 */
export function createOneSandbox(): OneSandbox {
  let sandbox: Promise<WorkflowCreator> | undefined;

  class OneSandboxWorker extends Worker {
    protected static override async createWorkflowCreator(
      bundle: WorkflowBundleWithSourceMapAndFilename,
      options: CompiledWorkerOptions,
      logger: Logger,
    ): Promise<WorkflowCreator> {
      sandbox ??= Worker.createWorkflowCreator(bundle, options, logger);
      const shared = await sandbox;
      return {
        createWorkflow: (created) => shared.createWorkflow(created),
        // Others may still run there.
        async destroy() {},
      };
    }
  }

  return {
    Worker: OneSandboxWorker,
    async close() {
      await (await sandbox)?.destroy();
    },
  };
}
