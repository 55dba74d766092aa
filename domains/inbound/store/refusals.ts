import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';

/**
 * Sources that do not exist, or take nothing, share this id, so that nobody can fill the table with ids that they make up.
 * They are counted only so that the answer takes as long: a block here would be none. Many tenants' senders share addresses,
 * and one of them may go on sending to a source that its tenant has deleted.
 */
export const NO_SOURCE: PublicId = `src_${'0'.repeat(32)}`;

/** So many refused requests of one address at one source. */
export interface Refused {
  sourceId: PublicId;
  address: string;
  count: number;
}

/** When refusals block an address. In milliseconds. */
export interface BlockPolicy {
  /** So many refusals */
  after: number;
  /** within this time */
  windowMs: number;
  /** block the address for so long. */
  forMs: number;
}

/** Where an address stands at a source. */
export interface Standing {
  blockedUntil: Date | undefined;
  /** Whether it was these refusals that blocked it. */
  justBlocked: boolean;
}

// A block that is running stays as it is: what is refused by it is not counted.
const COUNT_REFUSALS = `
INSERT INTO inbound_refusals AS r (source_id, address, failures, since, blocked_until, forget_at)
SELECT source, address, count, now(),
       CASE WHEN count >= $2 THEN now() + $4 * interval '1 millisecond' END,
       now() + greatest($3::float8, $4) * interval '1 millisecond'
FROM json_to_recordset($1::json) AS i(source uuid, address text, count int)
ORDER BY source, address
ON CONFLICT (source_id, address) DO UPDATE SET
  failures = CASE WHEN r.blocked_until > now() THEN r.failures
                  WHEN r.blocked_until IS NULL AND r.since > now() - $3::float8 * interval '1 millisecond'
                  THEN r.failures + excluded.failures ELSE excluded.failures END,
  since = CASE WHEN r.blocked_until > now() THEN r.since
               WHEN r.blocked_until IS NULL AND r.since > now() - $3::float8 * interval '1 millisecond'
               THEN r.since ELSE now() END,
  blocked_until = CASE WHEN r.blocked_until > now() THEN r.blocked_until
                       WHEN r.blocked_until IS NULL AND r.since > now() - $3::float8 * interval '1 millisecond'
                       THEN CASE WHEN r.failures + excluded.failures >= $2
                                 THEN now() + $4 * interval '1 millisecond' END
                       ELSE excluded.blocked_until END,
  forget_at = CASE WHEN r.blocked_until > now() THEN r.forget_at ELSE excluded.forget_at END
RETURNING source_id, address, blocked_until, blocked_until = now() + $4 * interval '1 millisecond' AS just_blocked`;

interface Row {
  source_id: string;
  address: string;
  blocked_until: Date | null;
  just_blocked: boolean | null;
}

/** Counts refused requests, each source and address once in the list. @returns their standings, in the list's order */
export async function countRefusals(
  db: Queryable,
  refused: readonly Refused[],
  { after, windowMs, forMs }: BlockPolicy,
): Promise<Standing[]> {
  const input = refused.map(({ sourceId, address, count }) => ({ source: toUuid(sourceId), address, count }));
  const { rows } = await db.query<Row>({
    name: 'count-inbound-refusals',
    text: COUNT_REFUSALS,
    values: [JSON.stringify(input), after, windowMs, forMs],
  });
  const standings = new Map(rows.map((row) => [`${fromUuid('src', row.source_id)} ${row.address}`, row]));
  return refused.map(({ sourceId, address }) => {
    const row = standings.get(`${sourceId} ${address}`);
    return { blockedUntil: row?.blocked_until ?? undefined, justBlocked: row?.just_blocked ?? false };
  });
}

/** An address that a source is blocked for. */
export interface Block {
  address: string;
  failures: number;
  until: Date;
}

/** Index: inbound_refusals_pkey. */
export async function listBlocks(db: Queryable, sourceId: PublicId, most: number): Promise<Block[]> {
  const { rows } = await db.query<{ address: string; failures: number; blocked_until: Date }>({
    text: `SELECT address, failures, blocked_until FROM inbound_refusals
           WHERE source_id = $1 AND blocked_until > now() ORDER BY address LIMIT $2`,
    values: [toUuid(sourceId), most],
  });
  return rows.map(({ address, failures, blocked_until }) => ({ address, failures, until: blocked_until }));
}

/** Forgets a source's refusals, and so its blocks. */
export async function liftBlocks(db: Queryable, sourceId: PublicId): Promise<void> {
  await db.query({ text: 'DELETE FROM inbound_refusals WHERE source_id = $1', values: [toUuid(sourceId)] });
}

/** Index: inbound_refusals_to_forget. @returns how many rows were removed */
export async function forgetRefusals(db: Queryable, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    text: `DELETE FROM inbound_refusals WHERE (source_id, address) IN (
             SELECT source_id, address FROM inbound_refusals WHERE forget_at <= now() ORDER BY forget_at LIMIT $1)
           AND forget_at <= now()`,
    values: [limit],
  });
  return rowCount ?? 0;
}
