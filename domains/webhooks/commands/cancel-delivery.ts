import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { goOnInOrder } from '../ordering/go-on';
import { CANCEL } from '../rules/workflow-names';
import { cancelDeliveries, findCommandTarget } from '../store/delivery-commands';
import { byWorkflow, type CommandResult } from './command';

/** Ends a waiting or held delivery without a further attempt. */
export async function cancelDelivery(deps: Platform, tenantId: PublicId, deliveryId: PublicId): Promise<CommandResult> {
  const { pool } = deps;
  const target = await findCommandTarget(pool, tenantId, deliveryId);
  if (target === undefined) return { outcome: 'not-found' };
  const { state, backlog, workflowId, ordered } = target;
  if (state !== 'pending' && state !== 'retrying' && state !== 'held') return { outcome: 'wrong-state', state };
  await cancelDeliveries(pool, [deliveryId]);
  // Its workflow need not wait until the next attempt would be due. No workflow attends to a held one, and that of a
  // backlog does not know its deliveries.
  if (state !== 'held' && !backlog) await byWorkflow(deps, CANCEL, target);
  const after = await findCommandTarget(pool, tenantId, deliveryId);
  if (after !== undefined && after.state !== 'cancelled') return { outcome: 'wrong-state', state: after.state };
  if (ordered) goOnInOrder(deps, target);
  return { outcome: 'done', workflowId };
}
