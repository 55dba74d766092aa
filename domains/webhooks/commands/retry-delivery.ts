import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { RETRY_NOW } from '../rules/workflow-names';
import { findCommandTarget, makeDueAlone } from '../store/delivery-commands';
import { attemptHere } from './attempt-here';
import { byWorkflow, type CommandResult } from './command';

/**
 * Attempts a waiting (`pending`, `retrying`) delivery now, in a workflow of its own: those that it shared another with
 * are not disturbed. A dead one is retried through its dead letter.
 */
export async function retryDelivery(
  platform: Platform,
  tenantId: PublicId,
  deliveryId: PublicId,
): Promise<CommandResult> {
  const { pool } = platform;
  const target = await findCommandTarget(pool, tenantId, deliveryId);
  if (target === undefined) return { outcome: 'not-found' };
  const { state } = target;
  if (state !== 'pending' && state !== 'retrying') return { outcome: 'wrong-state', state };
  if (target.waitsForTurn) return { outcome: 'waits-for-turn' };
  const workflowId = target.inFlight ? undefined : await makeDueAlone(pool, deliveryId);
  if (workflowId === undefined) return { outcome: 'in-flight' };
  const attempted = attemptHere(platform, target);
  // If Temporal cannot be reached, the sweep finds the delivery if it is still waiting.
  await byWorkflow(platform, RETRY_NOW, { ...target, workflowId, attempted });
  return { outcome: 'done', workflowId };
}
