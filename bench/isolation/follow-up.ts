import type { Pool } from 'pg';
import { toUuid } from '../../core/ids';
import type { ArrivalsReport } from '../kit/arrivals';
import type { SendLog } from '../webhooks/load';
import type { TroubleLoad } from './phase';
import type { Trouble } from './trouble';

/** What became of acknowledged webhooks that the receiver does not have. */
export interface MissingOnes {
  /** Open: an attempt is to come. */
  scheduled: number;
  /** There is a dead letter to retry. */
  deadLettered: number;
  lost: number;
}

/** Follows up in the database what was acknowledged to the healthy tenant and did not come in. */
export async function followUpHealthy(
  pool: Pool,
  { log, deliveryIds, arrivals }: { log: SendLog; deliveryIds: readonly string[]; arrivals: ArrivalsReport },
): Promise<MissingOnes> {
  // What came in under another id is not what was acknowledged.
  const missing = log.ids.flatMap((id, sequence) => (id !== '' && arrivals.ids[sequence] !== id ? [sequence] : []));
  const result: MissingOnes = { scheduled: 0, deadLettered: 0, lost: 0 };
  if (missing.length === 0) return result;
  const ids = missing.flatMap((sequence) => deliveryIds[sequence] ?? []);
  const { rows } = await pool.query<{ state: string; letter: boolean }>(
    `SELECT state, EXISTS (SELECT FROM dead_letters l WHERE l.delivery_id = d.id AND l.state = 'open') AS letter
     FROM deliveries d WHERE id = ANY ($1::uuid[])`,
    [ids.map(toUuid)],
  );
  for (const { state, letter } of rows) {
    if (['pending', 'retrying', 'held'].includes(state)) result.scheduled++;
    else if (state === 'dead' && letter) result.deadLettered++;
  }
  result.lost = missing.length - result.scheduled - result.deadLettered;
  return result;
}

/** What became of the trouble's own webhooks. */
export interface TroubleOutcome {
  kind: Trouble['kind'];
  accepted: number;
  /** Answers other than 202 by status; 0 for none. */
  refused: Record<string, number>;
  /** Deliveries by state. */
  states: Record<string, number>;
  /** Promised by a 202, and without a delivery; or delivered, and not at the receiver. */
  lost: number;
}

/** Counts a trouble tenant's deliveries. @param received - what its receiver has; undefined where it takes nothing */
export async function followUpTrouble(
  pool: Pool,
  { trouble: { kind, tenant }, log, promised }: TroubleLoad,
  received: number | undefined,
): Promise<TroubleOutcome> {
  const { rows } = await pool.query<{ state: string; count: number }>(
    'SELECT state, count(*)::int AS count FROM deliveries WHERE tenant_id = $1 GROUP BY state',
    [toUuid(tenant.id)],
  );
  const states = Object.fromEntries(rows.map(({ state, count }) => [state, count]));
  const made = rows.reduce((sum, { count }) => sum + count, 0);
  const notMade = Math.max(0, promised - made);
  const notReceived = received === undefined ? 0 : Math.max(0, (states.delivered ?? 0) - received);
  return {
    kind,
    accepted: log.accepted,
    refused: Object.fromEntries(log.refused),
    states,
    lost: notMade + notReceived,
  };
}
