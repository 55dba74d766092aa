import type { Pool } from 'pg';
import type { Logger } from '../../../infra/log';
import type { CANCEL, RETRY_NOW } from '../rules/workflow-names';
import { type CommandedDelivery, type StartDeps, updateDelivery } from '../start';

/**
 * The result of a command on a delivery.
 * `not-found`: no such delivery of this tenant. `wrong-state`: its `state` does not allow the command.
 * `in-flight`: an attempt is under way. `waits-for-turn`: its endpoint is ordered, and those before it are not settled. `done`: carried out; `workflowId` takes it from here.
 */
export type CommandResult =
  | { outcome: 'done'; workflowId: string }
  | { outcome: 'not-found' }
  | { outcome: 'wrong-state'; state: string }
  | { outcome: 'in-flight' }
  | { outcome: 'waits-for-turn' };

export interface CommandDeps extends StartDeps {
  pool: Pool;
  log: Logger;
}

/**
 * Tells the delivery's workflow of a command, so that its page shows it and it goes on from there. The command itself is
 * in the database already, which decides what is due.
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
