import type { Pool } from 'pg';
import { toUuid } from '../../core/ids';
import type { ArrivalsReport } from '../kit/arrivals';
import type { Acknowledged } from './steady-load';

/** A delivery that was acknowledged, and when its success was recorded. */
export interface DeliveryRecord {
  sequence: number;
  endpointId: string;
  /** Milliseconds since the epoch; undefined if no success is recorded. */
  recordedDate: number | undefined;
}

export interface Outage {
  /** What the receiver has, by the endpoint's id. */
  arrivals: ReadonlyMap<string, ArrivalsReport>;
  /** When the database was gone, in milliseconds since the epoch. */
  goneDate: number;
  /** When it was started again, on the run's clock. */
  restartedAt: number;
}

/**
 * How many attempts were under way when the database went: the receiver had them before the database came back, and
 * their success was not recorded before it went. Nothing can be claimed without a database, so what came in while it was
 * away had been claimed before.
 */
export function countUnderWay(records: readonly DeliveryRecord[], outage: Outage): number {
  return records.filter(({ sequence, endpointId, recordedDate }) => {
    const receivedAt = outage.arrivals.get(endpointId)?.firstAt[sequence] ?? 0;
    const received = receivedAt > 0 && receivedAt <= outage.restartedAt;
    return received && (recordedDate === undefined || recordedDate > outage.goneDate);
  }).length;
}

/** Reads when each acknowledged delivery's success was recorded. */
export async function readRecords(pool: Pool, acknowledged: readonly Acknowledged[]): Promise<DeliveryRecord[]> {
  const sequences = new Map(
    acknowledged.flatMap(({ deliveryIds, sequence }) => deliveryIds.map((id) => [id, sequence])),
  );
  const { rows } = await pool.query<{ id: string; endpoint_id: string; recorded: number | null }>(
    `SELECT 'dlv_' || replace(id::text, '-', '') AS id, 'ep_' || replace(endpoint_id::text, '-', '') AS endpoint_id,
            CASE WHEN state = 'delivered' THEN (extract(epoch FROM updated_at) * 1000)::float8 END AS recorded
     FROM deliveries WHERE id = ANY ($1::uuid[])`,
    [[...sequences.keys()].map(toUuid)],
  );
  return rows.flatMap(({ id, endpoint_id, recorded }) => {
    const sequence = sequences.get(id);
    return sequence === undefined ? [] : [{ sequence, endpointId: endpoint_id, recordedDate: recorded ?? undefined }];
  });
}
