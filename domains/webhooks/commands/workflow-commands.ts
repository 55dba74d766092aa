import { type Client, WithStartWorkflowOperation } from '@temporalio/client';
import { WorkflowIdConflictPolicy } from '@temporalio/common';
import type { Pool } from 'pg';
import type { PublicId } from '../../../core/ids';
import { withTimeout } from '../../../core/timeout';
import type { Logger } from '../../../infra/log';
import { taskQueue } from '../../../infra/temporal/task-queues';
import { coverOptions } from '../publishing/cover-workflow';
import { CANCEL, RETRY_NOW, sweepForEndpointId, WEBHOOK_WORKFLOWS } from '../rules/workflow-names';
import {
  type CommandTarget,
  cancelDeliveries,
  findCommandTarget,
  makeDue,
  releaseHeld,
  reviveDeadLetter,
} from '../store/delivery-commands';
import type { CommandResult, DeliveryCommands } from './commands';

/** How long the workflow is waited for. After that the command is carried out in the database, and the sweep follows. */
const UPDATE_TIMEOUT_MS = 5_000;
const RELEASE_BATCH = 1_000;

export interface CommandDeps {
  pool: Pool;
  client: Client;
  config: { WAYBILL_TASK_QUEUE: string };
  log: Logger;
}

/**
 * Carries commands to the delivery's workflow as updates; one that has ended, or was never started, is started for it.
 * When Temporal cannot be reached the command takes effect in the database, which decides what is due in any case.
 */
export function createWorkflowCommands({ pool, client, config, log }: CommandDeps): DeliveryCommands {
  async function update(
    name: typeof RETRY_NOW | typeof CANCEL,
    tenantId: PublicId,
    deliveryId: PublicId,
    target: Pick<CommandTarget, 'workflowId' | 'endpointId'>,
  ): Promise<boolean> {
    const start = new WithStartWorkflowOperation(WEBHOOK_WORKFLOWS.webhookDelivery, {
      ...coverOptions(
        {
          workflowId: target.workflowId,
          open: [deliveryId],
          settled: {},
          tenantIds: [tenantId],
          endpointIds: [target.endpointId],
          startDelayMs: 0,
        },
        taskQueue(config, 'delivery'),
      ),
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    });
    try {
      await withTimeout(
        client.workflow.executeUpdateWithStart(name, { args: [[deliveryId]], startWorkflowOperation: start }),
        UPDATE_TIMEOUT_MS,
      );
      return true;
    } catch (error) {
      log.warn({ err: error, deliveryId, workflowId: target.workflowId }, `could not reach the workflow for ${name}`);
      return false;
    }
  }

  return {
    async retry(tenantId, deliveryId): Promise<CommandResult> {
      const target = await findCommandTarget(pool, tenantId, deliveryId);
      if (target === undefined) return { outcome: 'not-found' };
      if (target.state !== 'pending' && target.state !== 'retrying')
        return { outcome: 'wrong-state', state: target.state };
      if (target.inFlight) return { outcome: 'in-flight' };
      if (!(await update(RETRY_NOW, tenantId, deliveryId, target))) await makeDue(pool, [deliveryId]);
      return { outcome: 'done', workflowId: target.workflowId };
    },

    async cancel(tenantId, deliveryId): Promise<CommandResult> {
      const target = await findCommandTarget(pool, tenantId, deliveryId);
      if (target === undefined) return { outcome: 'not-found' };
      const open = target.state === 'pending' || target.state === 'retrying' || target.state === 'held';
      if (!open) return { outcome: 'wrong-state', state: target.state };
      const reached = target.state !== 'held' && (await update(CANCEL, tenantId, deliveryId, target));
      if (!reached) await cancelDeliveries(pool, [deliveryId]);
      const after = await findCommandTarget(pool, tenantId, deliveryId);
      if (after !== undefined && after.state !== 'cancelled') return { outcome: 'wrong-state', state: after.state };
      return { outcome: 'done', workflowId: target.workflowId };
    },

    async retryDeadLetter(tenantId, deadLetterId): Promise<CommandResult> {
      const revival = await reviveDeadLetter(pool, tenantId, deadLetterId);
      if (revival.outcome !== 'revived') return revival;
      const target = await findCommandTarget(pool, tenantId, revival.deliveryId);
      if (target !== undefined) await update(RETRY_NOW, tenantId, revival.deliveryId, target);
      return { outcome: 'done', workflowId: revival.workflowId };
    },

    async releaseHeld(_tenantId, endpointId): Promise<void> {
      let released = 0;
      for (let batch = RELEASE_BATCH; batch === RELEASE_BATCH; released += batch) {
        batch = await releaseHeld(pool, endpointId, RELEASE_BATCH);
      }
      if (released === 0) return;
      log.info({ endpointId, released }, 'held deliveries go on');
      await withTimeout(
        client.workflow.start(WEBHOOK_WORKFLOWS.sweepOverdue, {
          workflowId: sweepForEndpointId(endpointId),
          taskQueue: taskQueue(config, 'upkeep'),
          args: [{ graceMs: 0 }],
          staticSummary: `Held deliveries of ${endpointId} go on`,
          workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
        }),
        UPDATE_TIMEOUT_MS,
      ).catch((error) => log.warn({ err: error }, 'could not start a sweep; the next scheduled one will find them'));
    },
  };
}
