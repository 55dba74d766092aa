import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';
import type { Lane } from '../rules/lane';
import { IS_HELD } from './circuit-state';
import { laneNamed } from './lanes';
import { RESTART_GRACE_ENDS } from './open-state';

/** A delivery that is not final, as a workflow's round sees it. */
export interface OpenDelivery {
  id: PublicId;
  tenantId: PublicId;
  endpointId: PublicId;
  /** Whether an attempt is to be made now. */
  due: boolean;
  /**
   * Milliseconds until the next attempt is due, 0 when it is; while an attempt is under way, until it is worth looking
   * again: it may fail long before its lease ends, and be due again after the schedule's first delay.
   */
  dueInMs: number;
  attempts: number;
  lastError: string | undefined;
  /** Whether new deliveries of its endpoint go to the backlog. */
  behind: boolean;
  /** Whether deliveries of its endpoint are held. */
  stopped: boolean;
  lane: Lane;
}

/** The state under which a workflow counts deliveries that another workflow attends to now. */
export const MOVED = 'moved';

/** How many of a batch's deliveries are in each state, {@link MOVED} among them, and those that are open. */
export interface BatchState {
  counts: Record<string, number>;
  open: OpenDelivery[];
}

/** The shortest and longest wait before a delivery under a lease is looked at again. */
const LEASE_LOOK_LEAST_MS = 1_000;
const LEASE_LOOK_MOST_MS = 5_000;

/**
 * Reads where a batch of deliveries stands, in one statement.
 *
 * @param workflowId - the workflow that attends to them: what another attends to is not open here
 */
export async function readBatch(
  db: Queryable,
  deliveryIds: readonly PublicId[],
  workflowId: string,
): Promise<BatchState> {
  const { rows } = await db.query<{
    id: string;
    tenant_id: string;
    workflow_id: string;
    behind: boolean;
    stopped: boolean;
    lane: number;
    endpoint_id: string;
    state: string;
    due_in_ms: number | null;
    attempts: number;
    last_error: string | null;
  }>({
    name: 'read-batch',
    text: `SELECT d.id, d.tenant_id, d.endpoint_id, d.workflow_id, d.state, d.attempts, d.last_error, d.lane,
                  coalesce(e.backlog_until > now(), false) AS behind, ${IS_HELD} AS stopped,
                  greatest(0, least(
                    ceil(extract(epoch FROM greatest(d.next_attempt_at, CASE WHEN d.claim IS NOT NULL
                                                     THEN ${RESTART_GRACE_ENDS} END) - now()) * 1000),
                    CASE WHEN d.claim IS NOT NULL
                         THEN least(greatest(e.retry_delays_ms[1], $2::int), $3::int) END))::float8 AS due_in_ms
           FROM deliveries d JOIN endpoints e ON e.id = d.endpoint_id WHERE d.id = ANY ($1::uuid[])`,
    values: [deliveryIds.map(toUuid), LEASE_LOOK_LEAST_MS, LEASE_LOOK_MOST_MS],
  });
  const counts: Record<string, number> = {};
  const waiting: OpenDelivery[] = [];
  for (const row of rows) {
    const open = row.state === 'pending' || row.state === 'retrying';
    const state = open && row.workflow_id !== workflowId ? MOVED : row.state;
    counts[state] = (counts[state] ?? 0) + 1;
    if (!open || state === MOVED) continue;
    const dueInMs = row.due_in_ms ?? 0;
    waiting.push({
      id: fromUuid('dlv', row.id),
      tenantId: fromUuid('ten', row.tenant_id),
      endpointId: fromUuid('ep', row.endpoint_id),
      due: dueInMs === 0,
      dueInMs,
      attempts: row.attempts,
      lastError: row.last_error ?? undefined,
      behind: row.behind,
      stopped: row.stopped,
      lane: laneNamed(row.lane),
    });
  }
  return { counts, open: waiting };
}
