import type { PublicId } from '../../../core/ids';
import { RETRY_NOW } from '../rules/workflow-names';
import { findCommandTarget, reviveDeadLetter } from '../store/delivery-commands';
import { byWorkflow, type CommandDeps, type CommandResult } from './command';

/** Runs a dead letter's delivery through its whole retry schedule again. */
export async function retryDeadLetter(
  deps: CommandDeps,
  tenantId: PublicId,
  deadLetterId: PublicId,
): Promise<CommandResult> {
  const revival = await reviveDeadLetter(deps.pool, tenantId, deadLetterId);
  if (revival.outcome !== 'revived') return revival;
  const { deliveryId, workflowId } = revival;
  const target = await findCommandTarget(deps.pool, tenantId, deliveryId);
  // If Temporal cannot be reached, the sweep finds the delivery: it is due.
  if (target !== undefined) await byWorkflow(deps, RETRY_NOW, target);
  return { outcome: 'done', workflowId };
}
