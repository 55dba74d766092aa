import type { PublicId } from '../../../core/ids';
import { RETRY_NOW } from '../rules/workflow-names';
import { findCommandTarget, makeDue } from '../store/delivery-commands';
import { byWorkflow, type CommandDeps, type CommandResult } from './command';

/** Attempts a waiting (`pending`, `retrying`) delivery now. A dead one is retried through its dead letter. */
export async function retryDelivery(
  deps: CommandDeps,
  tenantId: PublicId,
  deliveryId: PublicId,
): Promise<CommandResult> {
  const target = await findCommandTarget(deps.pool, tenantId, deliveryId);
  if (target === undefined) return { outcome: 'not-found' };
  const { state, workflowId } = target;
  if (state !== 'pending' && state !== 'retrying') return { outcome: 'wrong-state', state };
  if (target.inFlight) return { outcome: 'in-flight' };
  if (!(await byWorkflow(deps, RETRY_NOW, target))) await makeDue(deps.pool, [deliveryId]);
  return { outcome: 'done', workflowId };
}
