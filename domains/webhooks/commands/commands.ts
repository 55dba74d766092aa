import type { PublicId } from '../../../core/ids';

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

/** Commands on deliveries and dead letters. Each is carried out by the delivery's workflow where that can be reached. */
export interface DeliveryCommands {
  /** Attempts a waiting (`pending`, `retrying`) delivery now. A dead one is to be retried through its dead letter. */
  retry(tenantId: PublicId, deliveryId: PublicId): Promise<CommandResult>;
  /** Ends a waiting or held delivery without a further attempt. */
  cancel(tenantId: PublicId, deliveryId: PublicId): Promise<CommandResult>;
  /** Runs a dead letter's delivery through its whole retry schedule again. */
  retryDeadLetter(tenantId: PublicId, deadLetterId: PublicId): Promise<CommandResult>;
  /** After an endpoint was enabled: lets its held deliveries go on. */
  releaseHeld(tenantId: PublicId, endpointId: PublicId): Promise<void>;
}
