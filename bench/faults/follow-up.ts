import type { Pool } from 'pg';
import { toUuid } from '../../core/ids';
import type { ArrivalsReport } from '../kit/arrivals';
import type { Acknowledged } from './steady-load';

/** The outcomes of acknowledged messages' deliveries. Each is counted in exactly one of the first four. */
export interface Settlement {
  /** The receiver has it, and the database says so. */
  delivered: number;
  /** There is a dead letter that an operator can see and retry. */
  deadLettered: number;
  /** Open, and not so overdue that it has been forgotten. */
  scheduled: number;
  lost: number;
  /** Why lost ones are counted as such, by reason. */
  lostBecause: Record<string, number>;
}

export interface SettlementInput {
  pool: Pool;
  acknowledged: readonly Acknowledged[];
  /** What the receiver has, by the endpoint's id. */
  arrivals: ReadonlyMap<string, ArrivalsReport>;
  /** An open delivery that is overdue by more than this has been forgotten. */
  forgottenAfterMs: number;
}

interface Row {
  id: string;
  endpoint_id: string;
  state: string;
  /** Whether its endpoint's circuit is not closed. */
  recovering: boolean;
  overdue_ms: number | null;
  has_message: boolean;
  has_letter: boolean;
}

const CHUNK = 5_000;

/**
 * Follows up every delivery that a 202 promised, in the database and at the receiver. A message must have one for each
 * endpoint; a 202 that lists fewer has lost the rest.
 */
export async function settle(input: SettlementInput): Promise<Settlement> {
  const result: Settlement = { delivered: 0, deadLettered: 0, scheduled: 0, lost: 0, lostBecause: {} };
  const lose = (reason: string, count = 1) => {
    if (count === 0) return;
    result.lost += count;
    result.lostBecause[reason] = (result.lostBecause[reason] ?? 0) + count;
  };
  for (let start = 0; start < input.acknowledged.length; start += CHUNK) {
    const messages = input.acknowledged.slice(start, start + CHUNK);
    const rows = await readRows(
      input.pool,
      messages.flatMap(({ deliveryIds }) => deliveryIds),
    );
    for (const message of messages) {
      lose('not in the 202', Math.max(0, input.arrivals.size - message.deliveryIds.length));
      for (const deliveryId of message.deliveryIds) {
        const fate = fateOf(rows.get(toUuid(deliveryId)), message, input);
        if (typeof fate === 'string') result[fate]++;
        else lose(fate.lost);
      }
    }
  }
  return result;
}

/** Arrivals at the receiver beyond a message's first, over all endpoints. */
export function countDuplicates(reports: Iterable<ArrivalsReport>): number {
  let duplicates = 0;
  for (const { times } of reports) for (const count of times) duplicates += Math.max(0, count - 1);
  return duplicates;
}

type Fate = 'delivered' | 'deadLettered' | 'scheduled' | { lost: string };

function fateOf(row: Row | undefined, message: Acknowledged, { arrivals, forgottenAfterMs }: SettlementInput): Fate {
  if (row === undefined) return { lost: 'no such delivery' };
  if (!row.has_message) return { lost: 'no such message' };
  switch (row.state) {
    case 'delivered':
      // The id must match too: what came in under another id is not what was acknowledged.
      return arrivals.get(row.endpoint_id)?.ids[message.sequence] === message.messageId
        ? 'delivered'
        : { lost: 'delivered, but not to the receiver' };
    case 'dead':
      return row.has_letter ? 'deadLettered' : { lost: 'dead without a dead letter' };
    case 'pending':
    case 'retrying':
      if (row.overdue_ms === null) return { lost: 'open and never due' };
      return row.overdue_ms <= forgottenAfterMs ? 'scheduled' : { lost: 'overdue and forgotten' };
    case 'held':
      // By the circuit of the endpoint that was away; its workflow lets go of it.
      return row.recovering ? 'scheduled' : { lost: 'held, though nothing holds it' };
    default:
      return { lost: `${row.state}, though nobody asked for it` };
  }
}

async function readRows(pool: Pool, deliveryIds: readonly string[]): Promise<Map<string, Row>> {
  const { rows } = await pool.query<Row>(
    `SELECT replace(d.id::text, '-', '') AS id, 'ep_' || replace(d.endpoint_id::text, '-', '') AS endpoint_id, d.state,
            (extract(epoch FROM now() - d.next_attempt_at) * 1000)::float8 AS overdue_ms,
            EXISTS (SELECT FROM endpoints e WHERE e.id = d.endpoint_id AND e.circuit <> 'closed') AS recovering,
            EXISTS (SELECT FROM messages m WHERE m.id = d.message_id) AS has_message,
            EXISTS (SELECT FROM dead_letters l WHERE l.delivery_id = d.id AND l.state = 'open') AS has_letter
     FROM deliveries d WHERE d.id = ANY ($1::uuid[])`,
    [deliveryIds.map(toUuid)],
  );
  return new Map(rows.map((row) => [row.id, row]));
}
