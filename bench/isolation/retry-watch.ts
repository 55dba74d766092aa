import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { toUuid } from '../../core/ids';
import { clockMs } from '../kit/clock';

const LOOK_EVERY_MS = 100;

/** Finds out when the retries of failed first attempts are due, before the database forgets it. */
export interface RetryWatch {
  /** Watches a delivery whose first attempt will fail. */
  add(sequence: number, deliveryId: string): void;
  /** By sequence number, when the second attempt was due, on the run's clock. */
  readonly due: ReadonlyMap<number, number>;
  stop(): Promise<void>;
}

interface Row {
  id: string;
  state: string;
  attempts: number;
  leased: boolean;
  due: number | null;
}

/**
 * Reads the deliveries, by primary key, until each has a second attempt in its future. The database keeps only the next
 * moment, and while an attempt is under way the end of its lease instead, so it must be seen in between.
 */
export function watchRetries(pool: Pool): RetryWatch {
  const waiting = new Map<string, number>();
  const due = new Map<number, number>();
  let stopped = false;
  const look = async () => {
    if (waiting.size === 0) return;
    const { rows } = await pool.query<Row>({
      name: 'bench-retry-watch',
      text: `SELECT replace(id::text, '-', '') AS id, state, attempts, claim IS NOT NULL AS leased,
                    (extract(epoch FROM next_attempt_at) * 1000)::float8 AS due
             FROM deliveries WHERE id = ANY ($1::uuid[])`,
      values: [[...waiting.keys()]],
    });
    const toClock = clockMs() - Date.now();
    for (const row of rows) {
      const sequence = waiting.get(row.id);
      if (sequence === undefined || (row.state === 'pending' && row.attempts === 0)) continue;
      if (row.state === 'retrying' && row.attempts === 1 && row.leased) continue;
      if (row.state === 'retrying' && row.attempts === 1 && row.due !== null) due.set(sequence, row.due + toClock);
      waiting.delete(row.id);
    }
  };
  const watch = async () => {
    // A look that fails, as when the database is too busy, is made again.
    for (; !stopped; await sleep(LOOK_EVERY_MS)) await look().catch(() => undefined);
  };
  const watching = watch();
  return {
    add: (sequence, deliveryId) => waiting.set(toUuid(deliveryId), sequence),
    due,
    stop: async () => {
      stopped = true;
      await watching;
    },
  };
}
