import type { PublicId } from '../../../core/ids';
import { OwnWorkflowBudget } from '../../../core/own-workflow-budget';
import type { Platform } from '../../../infra/platform/platform';
import { openBacklogs } from '../backlog/open-backlogs';
import { openDeadLetterCounts } from '../dead-letter-counts';
import { RETRY_NOW } from '../rules/workflow-names';
import { findCommandTarget, reviveDeadLetter } from '../store/delivery-commands';
import { attemptHere } from './attempt-here';
import { byWorkflow, type CommandResult } from './command';

const newBudget = ({ config }: Platform) => new OwnWorkflowBudget(config.WAYBILL_OWN_WORKFLOWS_PER_SECOND);

/**
 * Runs a dead letter's delivery through its whole retry schedule again: in a workflow of its own, or in its endpoint's
 * backlog when many are retried.
 */
export async function retryDeadLetter(
  platform: Platform,
  tenantId: PublicId,
  deadLetterId: PublicId,
): Promise<CommandResult> {
  const { pool } = platform;
  const budget = platform.once(newBudget);
  const alone = budget.refill() > 0;
  if (alone) budget.take();
  const revival = await reviveDeadLetter(pool, tenantId, deadLetterId, alone ? 'own-workflow' : 'backlog');
  if (revival.outcome !== 'revived') return revival;
  const { deliveryId, endpointId, workflowId } = revival;
  await platform.once(openDeadLetterCounts).changed(tenantId);
  // If Temporal cannot be reached, the sweep finds the delivery: it is due.
  if (!alone) openBacklogs(platform).tell({ endpointId, tenantId });
  else {
    const target = await findCommandTarget(pool, tenantId, deliveryId);
    if (target !== undefined) {
      const attempted = attemptHere(platform, target);
      await byWorkflow(platform, RETRY_NOW, { ...target, attempted });
    }
  }
  return { outcome: 'done', workflowId };
}
