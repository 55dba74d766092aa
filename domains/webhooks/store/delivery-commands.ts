import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import { deliveryWorkflowId } from '../rules/workflow-names';
import { backlogWorkflowOf } from './backlog';
import { IN_FLIGHT, IS_OPEN } from './open-state';
import { PLACE_AFTER_REVIVAL } from './ordering';

const deliveryWorkflowOf = (column: string) => `('${deliveryWorkflowId('dlv_')}' || replace(${column}::text, '-', ''))`;

/** What a command needs to know about a delivery. */
export interface CommandTarget {
  id: PublicId;
  tenantId: PublicId;
  endpointId: PublicId;
  workflowId: string;
  state: string;
  /** Whether it waits in its endpoint's backlog. */
  backlog: boolean;
  /** Whether an attempt is under way. */
  inFlight: boolean;
  /** Whether those behind it at its endpoint may wait for it, and whether it waits for those before it. */
  ordered: boolean;
  waitsForTurn: boolean;
}

/** Looks up a tenant's delivery by its primary key. */
export async function findCommandTarget(
  db: Queryable,
  tenantId: PublicId,
  deliveryId: PublicId,
): Promise<CommandTarget | undefined> {
  const { rows } = await db.query<{
    state: string;
    workflow_id: string;
    endpoint_id: string;
    backlog: boolean;
    in_flight: boolean;
    ordered: boolean;
    waits_for_turn: boolean;
  }>({
    name: 'find-command-target',
    text: `SELECT state, workflow_id, endpoint_id, backlog, ${IN_FLIGHT} AS in_flight, sequence IS NOT NULL AS ordered,
                  state ${IS_OPEN} AND next_attempt_at IS NULL AS waits_for_turn
           FROM deliveries WHERE id = $1 AND tenant_id = $2`,
    values: [toUuid(deliveryId), toUuid(tenantId)],
  });
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    id: deliveryId,
    tenantId,
    endpointId: fromUuid('ep', row.endpoint_id),
    workflowId: row.workflow_id,
    state: row.state,
    backlog: row.backlog,
    inFlight: row.in_flight,
    ordered: row.ordered,
    waitsForTurn: row.waits_for_turn,
  };
}

/** Makes waiting deliveries due at once. Those under a lease are left alone: an attempt is under way. */
export async function makeDue(db: Queryable, deliveryIds: readonly PublicId[]): Promise<number> {
  const { rowCount } = await db.query({
    name: 'make-due',
    text: `UPDATE deliveries SET next_attempt_at = now(), claim = NULL, updated_at = now()
           WHERE id = ANY ($1::uuid[]) AND state ${IS_OPEN} AND next_attempt_at IS NOT NULL
             AND (claim IS NULL OR next_attempt_at <= now())`,
    values: [deliveryIds.map(toUuid)],
  });
  return rowCount ?? 0;
}

/**
 * Gives a waiting delivery to a workflow of its own, and makes it due. One under a lease is left alone: an attempt is
 * under way.
 *
 * @returns the workflow's id, or undefined when the delivery was left alone
 */
export async function makeDueAlone(db: Queryable, deliveryId: PublicId): Promise<string | undefined> {
  const workflowId = deliveryWorkflowId(deliveryId);
  const { rowCount } = await db.query({
    name: 'make-due-alone',
    text: `UPDATE deliveries SET next_attempt_at = now(), claim = NULL, backlog = false, workflow_id = $2, updated_at = now()
           WHERE id = $1 AND state ${IS_OPEN} AND next_attempt_at IS NOT NULL
             AND (claim IS NULL OR next_attempt_at <= now())`,
    values: [toUuid(deliveryId), workflowId],
  });
  return rowCount === 1 ? workflowId : undefined;
}

/** Ends waiting and held deliveries. An attempt under way is still recorded, but does not change that. */
export async function cancelDeliveries(db: Queryable, deliveryIds: readonly PublicId[]): Promise<number> {
  const { rowCount } = await db.query({
    name: 'cancel-deliveries',
    text: `UPDATE deliveries SET state = 'cancelled', next_attempt_at = NULL, claim = NULL, updated_at = now()
           WHERE id = ANY ($1::uuid[]) AND state IN ('pending', 'retrying', 'held')`,
    values: [deliveryIds.map(toUuid)],
  });
  return rowCount ?? 0;
}

/** The result of reviving a dead letter. */
export type Revival =
  | { outcome: 'revived'; deliveryId: PublicId; endpointId: PublicId; workflowId: string }
  | { outcome: 'not-found' }
  | { outcome: 'wrong-state'; state: string };

/**
 * Revives a dead letter: its delivery is due at once, with its whole retry schedule ahead.
 *
 * @param to - who attends to it: a workflow of its own, or that of its endpoint's backlog
 */
export async function reviveDeadLetter(
  db: Queryable,
  tenantId: PublicId,
  deadLetterId: PublicId,
  to: 'own-workflow' | 'backlog',
): Promise<Revival> {
  const values = [toUuid(deadLetterId), toUuid(tenantId)];
  const revived = await db.query<{ id: string; endpoint_id: string; workflow_id: string }>({
    name: 'revive-dead-letter',
    text: `WITH resolved AS (
             UPDATE dead_letters SET state = 'retried', resolved_at = now()
             WHERE id = $1 AND tenant_id = $2 AND state = 'open' RETURNING delivery_id
           )
           UPDATE deliveries d
           SET state = 'retrying', attempts_before = d.attempts, next_attempt_at = now(), claim = NULL, updated_at = now(),
               sequence = ${PLACE_AFTER_REVIVAL}, backlog = $3::boolean, replayed_from = NULL,
               workflow_id = CASE WHEN $3::boolean THEN ${backlogWorkflowOf('d.endpoint_id')}
                                  ELSE ${deliveryWorkflowOf('d.id')} END
           FROM resolved r WHERE d.id = r.delivery_id AND d.state = 'dead'
           RETURNING d.id, d.endpoint_id, d.workflow_id`,
    values: [...values, to === 'backlog'],
  });
  const row = revived.rows[0];
  if (row !== undefined) {
    return {
      outcome: 'revived',
      deliveryId: fromUuid('dlv', row.id),
      endpointId: fromUuid('ep', row.endpoint_id),
      workflowId: row.workflow_id,
    };
  }
  const found = await db.query<{ state: string }>({
    name: 'dead-letter-state',
    text: 'SELECT state FROM dead_letters WHERE id = $1 AND tenant_id = $2',
    values,
  });
  const state = found.rows[0]?.state;
  return state === undefined ? { outcome: 'not-found' } : { outcome: 'wrong-state', state };
}

/** Marks an open dead letter discarded. @returns false when it is not open or does not exist */
export async function closeDeadLetter(
  db: Queryable,
  tenantId: PublicId,
  id: PublicId,
  { reason, by }: { reason: string; by: string },
): Promise<boolean> {
  const { rowCount } = await db.query({
    text: `UPDATE dead_letters SET state = 'discarded', resolved_at = now(), resolved_reason = $3, resolved_by = $4
           WHERE id = $1 AND tenant_id = $2 AND state = 'open'`,
    values: [toUuid(id), toUuid(tenantId), reason, by],
  });
  return rowCount === 1;
}
