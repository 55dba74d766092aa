import type { PublicId } from '../../../core/ids';
import { RETRY_NOW } from '../rules/workflow-names';
import { findCommandTarget, makeDueAlone } from '../store/delivery-commands';
import { byWorkflow, type CommandDeps, type CommandResult } from './command';

/**
 * Attempts a waiting (`pending`, `retrying`) delivery now, in a workflow of its own: those that it shared another with
 * are not disturbed. A dead one is retried through its dead letter.
 */
export async function retryDelivery(
  deps: CommandDeps,
  tenantId: PublicId,
  deliveryId: PublicId,
): Promise<CommandResult> {
  const target = await findCommandTarget(deps.pool, tenantId, deliveryId);
  if (target === undefined) return { outcome: 'not-found' };
  const { state } = target;
  if (state !== 'pending' && state !== 'retrying') return { outcome: 'wrong-state', state };
  const workflowId = target.inFlight ? undefined : await makeDueAlone(deps.pool, deliveryId);
  if (workflowId === undefined) return { outcome: 'in-flight' };
  // If Temporal cannot be reached, the sweep finds the delivery: it is due.
  await byWorkflow(deps, RETRY_NOW, { ...target, workflowId });
  return { outcome: 'done', workflowId };
}
