import { type CompiledWorkerOptions, type Logger, Worker } from '@temporalio/worker';
import type { WorkflowCreator } from '@temporalio/worker/lib/workflow/interface';
import type { WorkflowBundleWithSourceMapAndFilename } from '@temporalio/worker/lib/workflow/workflow-worker-thread/input';

/**
 * A kind of worker whose workers run their workflows in one thread, with one copy of the bundle: see
 * docs/decisions/0010-task-queues-by-work.md. The SDK has no option for it; the method that makes the thread is protected,
 * so that the compiler says so when an upgrade changes it.
 */
export function workersOfOneSandbox(): typeof Worker {
  let sandbox: Promise<WorkflowCreator> | undefined;
  let users = 0;

  return class OneSandboxWorker extends Worker {
    protected static override async createWorkflowCreator(
      bundle: WorkflowBundleWithSourceMapAndFilename,
      options: CompiledWorkerOptions,
      logger: Logger,
    ): Promise<WorkflowCreator> {
      sandbox ??= Worker.createWorkflowCreator(bundle, options, logger);
      users++;
      const shared = await sandbox;
      return {
        createWorkflow: (created) => shared.createWorkflow(created),
        async destroy() {
          users--;
          if (users > 0) return;
          sandbox = undefined;
          await shared.destroy();
        },
      };
    }
  };
}
