import type { Pool } from 'pg';
import type { Logger } from '../../../infra/log';
import type { CANCEL, RETRY_NOW } from '../rules/workflow-names';
import { type CommandedDelivery, type StartDeps, updateDelivery } from '../start';

/**
 * What became of a command on a delivery.
 * `not-found`: no such delivery of this tenant. `wrong-state`: it is in `state`, where the command makes no sense.
 * `in-flight`: an attempt is under way this moment. `done`: carried out; `workflowId` goes on with it.
 */
export type CommandResult =
  | { outcome: 'done'; workflowId: string }
  | { outcome: 'not-found' }
  | { outcome: 'wrong-state'; state: string }
  | { outcome: 'in-flight' };

export interface CommandDeps extends StartDeps {
  pool: Pool;
  log: Logger;
}

/**
 * Has the delivery's workflow carry a command out, so that its page shows it. When Temporal cannot be reached the command
 * is to take effect in the database, which decides what is due in any case.
 *
 * @returns whether the workflow has carried it out
 */
export async function byWorkflow(
  deps: CommandDeps,
  command: typeof RETRY_NOW | typeof CANCEL,
  delivery: CommandedDelivery,
): Promise<boolean> {
  try {
    await updateDelivery(deps, command, delivery);
    return true;
  } catch (error) {
    const { id: deliveryId, workflowId } = delivery;
    deps.log.warn({ err: error, deliveryId, workflowId }, `could not reach the workflow for ${command}`);
    return false;
  }
}
