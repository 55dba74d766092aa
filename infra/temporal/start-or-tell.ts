import { type Client, WorkflowExecutionAlreadyStartedError, type WorkflowOptions } from '@temporalio/client';
import { WorkflowIdConflictPolicy } from '@temporalio/common';
import { CARRY_ON } from './carry-on';

/**
 * Starts a workflow because of news. One that is running is told to carry on instead: it may have read what was, and be about
 * to end.
 *
 * @throws when Temporal cannot be reached
 */
export async function startOrTell(
  { workflow }: Client,
  type: string,
  options: Omit<WorkflowOptions, 'workflowIdConflictPolicy' | 'requestEagerStart'> & { args: unknown[] },
): Promise<void> {
  try {
    await workflow.start(type, { ...options, workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    await workflow.signalWithStart(type, { ...options, signal: CARRY_ON });
  }
}
