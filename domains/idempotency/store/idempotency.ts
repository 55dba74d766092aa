import { fromUuid, type PublicId, toUuid } from '../../../core/ids';
import type { Queryable } from '../../../infra/postgres/pool';

/** What identifies a request's record: an idempotency key counts for one tenant, whatever its API key, on one route. */
export interface IdempotencyPlace {
  tenantId: PublicId;
  /** Method and template, such as `POST /v1/api-keys`. */
  route: string;
  /** A UUID. */
  key: string;
}

/** An execution's hold on a record. */
export interface IdempotencyHold extends IdempotencyPlace {
  /** The API key that executes it. */
  principalId: PublicId;
  /** A UUID for this execution alone. */
  owner: string;
}

export interface IdempotencyClaim extends IdempotencyHold {
  /** SHA-256 of what is asked for. */
  fingerprint: Buffer;
  /** The id of the request's effect, unless an earlier execution has begun. */
  effectId: PublicId;
  lockMs: number;
  keepMs: number;
}

/** An answer as it is stored. */
export interface StoredAnswer {
  status: number;
  /** By lower-case name. */
  headers: Record<string, string>;
  /** Encrypted for {@link answerPlace}. */
  body: Buffer | undefined;
}

/** A stored answer, and what was done. */
export interface StoredResult extends StoredAnswer {
  /** The API key that it was done with. */
  principalId: PublicId;
}

export type ClaimResult =
  /** It is ours to execute; `attempt` is greater than 1 if earlier executions reached no final answer. */
  | { outcome: 'claimed'; effectId: PublicId; attempt: number }
  | { outcome: 'completed'; result: StoredResult }
  /** For as long as its lock is not renewed, it can be taken over after `lockLeftMs`. */
  | { outcome: 'in-flight'; lockLeftMs: number }
  /** The key was used for something else. */
  | { outcome: 'other-request' };

interface Row {
  same: boolean;
  expired: boolean;
  lock_left_ms: number;
  principal_id: string;
  state: string;
  status_code: number;
  headers: Record<string, string>;
  body: Buffer | null;
}

/** The place that an encrypted body is bound to. Names the API key, because it did before records were the tenant's. */
export function answerPlace({
  tenantId,
  principalId,
  route,
  key,
}: IdempotencyPlace & { principalId: PublicId }): string {
  return `idempotency_records/${toUuid(tenantId)}/${toUuid(principalId)}/${route}/${key}`;
}

/** To need more, a record would have to change hands between two statements again and again. */
const MAX_LOOKS = 3;

/** Takes a request for execution, or says why not. A first use costs one statement, and nobody waits for a lock. */
export async function claimIdempotencyKey(db: Queryable, claim: IdempotencyClaim): Promise<ClaimResult> {
  for (let look = 0; look < MAX_LOOKS; look++) {
    if (await insert(db, claim)) return { outcome: 'claimed', effectId: claim.effectId, attempt: 1 };
    const row = await find(db, claim, claim.fingerprint);
    if (row === undefined) continue;
    if (!row.expired) {
      if (!row.same) return { outcome: 'other-request' };
      if (row.state === 'completed') return { outcome: 'completed', result: resultOf(row) };
      if (row.lock_left_ms > 0) return { outcome: 'in-flight', lockLeftMs: row.lock_left_ms };
    }
    const taken = await takeOver(db, claim);
    if (taken !== undefined) return { outcome: 'claimed', ...taken };
    // Somebody else has just taken it, or its owner has just ended it.
  }
  return { outcome: 'in-flight', lockLeftMs: claim.lockMs };
}

/** Names no index: of two equal ones at once the loser may meet that for earlier versions first. */
async function insert(db: Queryable, claim: IdempotencyClaim): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'insert-idempotency-record',
    text: `INSERT INTO idempotency_records
             (tenant_id, route, key, principal_id, lock_owner, fingerprint, state, effect_id, locked_until, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, 'in_flight', $7,
                   now() + $8 * interval '1 millisecond', now() + $9 * interval '1 millisecond')
           ON CONFLICT DO NOTHING`,
    values: claimValues(claim),
  });
  return rowCount === 1;
}

async function find(db: Queryable, place: IdempotencyPlace, fingerprint: Buffer): Promise<Row | undefined> {
  const { rows } = await db.query<Row>({
    name: 'find-idempotency-record',
    text: `SELECT fingerprint = $4 AS same, expires_at <= now() AS expired,
                  coalesce(extract(epoch FROM locked_until - now()) * 1000, 0)::float8 AS lock_left_ms,
                  principal_id, state, status_code, headers, body
           FROM idempotency_records WHERE ${PLACE}`,
    values: [...placeValues(place), fingerprint],
  });
  return rows[0];
}

/** Of several that try at once, one gets it; for the others the conditions no longer hold. */
async function takeOver(
  db: Queryable,
  claim: IdempotencyClaim,
): Promise<{ effectId: PublicId; attempt: number } | undefined> {
  const { rows } = await db.query<{ effect_id: string; attempt: number }>({
    name: 'take-idempotency-record-over',
    text: `UPDATE idempotency_records SET
             principal_id = $4, lock_owner = $5, fingerprint = $6, state = 'in_flight',
             effect_id = CASE WHEN expires_at <= now() THEN $7 ELSE effect_id END,
             attempt = CASE WHEN expires_at <= now() THEN 1 ELSE attempt + 1 END,
             created_at = CASE WHEN expires_at <= now() THEN now() ELSE created_at END,
             locked_until = now() + $8 * interval '1 millisecond',
             expires_at = now() + $9 * interval '1 millisecond',
             status_code = NULL, headers = NULL, body = NULL, completed_at = NULL
           WHERE ${PLACE}
             AND (expires_at <= now()
                  OR (state <> 'completed' AND coalesce(locked_until <= now(), true) AND fingerprint = $6))
           RETURNING effect_id, attempt`,
    values: claimValues(claim),
  });
  const [row] = rows;
  return row === undefined ? undefined : { effectId: fromUuid('eff', row.effect_id), attempt: row.attempt };
}

/** The answer that was stored for this request, if there is one. */
export async function findStoredResult(
  db: Queryable,
  place: IdempotencyPlace,
  fingerprint: Buffer,
): Promise<StoredResult | undefined> {
  const row = await find(db, place, fingerprint);
  return row?.state === 'completed' && row.same && !row.expired ? resultOf(row) : undefined;
}

/**
 * Locks the record until the transaction of `db` ends, so that nobody takes it over meanwhile.
 *
 * @returns false when the hold is lost
 */
export async function lockIdempotencyKey(db: Queryable, hold: IdempotencyHold): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'hold-idempotency-record',
    text: `SELECT FROM idempotency_records WHERE ${HELD} FOR NO KEY UPDATE`,
    values: holdValues(hold),
  });
  return rowCount === 1;
}

/**
 * Extends holds to `lockMs` from now. One that has run out is not revived, because others have been told that they may take
 * it over by now; a record that a transaction holds is passed over.
 */
export async function renewIdempotencyKeys(
  db: Queryable,
  holds: readonly IdempotencyHold[],
  lockMs: number,
): Promise<void> {
  await db.query({
    name: 'renew-idempotency-records',
    text: `UPDATE idempotency_records SET locked_until = now() + $5 * interval '1 millisecond'
           WHERE ctid = ANY (ARRAY(
             SELECT r.ctid FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[]) AS h(tenant_id, route, key, owner)
             JOIN idempotency_records r USING (tenant_id, route, key)
             WHERE r.lock_owner = h.owner AND r.locked_until > now()
             FOR NO KEY UPDATE OF r SKIP LOCKED))`,
    values: [
      holds.map(({ tenantId }) => toUuid(tenantId)),
      holds.map(({ route }) => route),
      holds.map(({ key }) => key),
      holds.map(({ owner }) => owner),
      lockMs,
    ],
  });
}

/**
 * Stores the final answer, to be kept for `keepMs`.
 *
 * @returns false when the hold is lost: nothing is stored then
 */
export async function completeIdempotencyKey(
  db: Queryable,
  hold: IdempotencyHold,
  answer: StoredAnswer,
  keepMs: number,
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'complete-idempotency-record',
    text: `UPDATE idempotency_records SET
             state = 'completed', lock_owner = NULL, locked_until = NULL, status_code = $5, headers = $6, body = $7,
             completed_at = now(), expires_at = now() + $8 * interval '1 millisecond'
           WHERE ${HELD}`,
    values: [...holdValues(hold), answer.status, JSON.stringify(answer.headers), answer.body, keepMs],
  });
  return rowCount === 1;
}

/**
 * Gives up a request without a final answer: the next one with its key continues with the same effect.
 *
 * @returns false when the hold is lost
 */
export async function interruptIdempotencyKey(db: Queryable, hold: IdempotencyHold): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'interrupt-idempotency-record',
    text: `UPDATE idempotency_records SET state = 'interrupted', lock_owner = NULL, locked_until = NULL WHERE ${HELD}`,
    values: holdValues(hold),
  });
  return rowCount === 1;
}

/**
 * Gives up a request that had no effect, so that its key is free for another. If an earlier execution may have
 * done something, it is only interrupted.
 *
 * @returns false when the hold is lost
 */
export async function forgetIdempotencyKey(db: Queryable, hold: IdempotencyHold): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'forget-idempotency-record',
    text: `DELETE FROM idempotency_records WHERE ${HELD} AND attempt = 1`,
    values: holdValues(hold),
  });
  return rowCount === 1 || interruptIdempotencyKey(db, hold);
}

/** Removes expired records. @returns how many, at most `limit` */
export async function removeExpiredIdempotencyKeys(db: Queryable, limit: number): Promise<number> {
  const { rowCount } = await db.query({
    name: 'remove-expired-idempotency-records',
    text: `DELETE FROM idempotency_records WHERE expires_at <= now() AND ctid = ANY (ARRAY(
             SELECT ctid FROM idempotency_records WHERE expires_at <= now() ORDER BY expires_at LIMIT $1
             FOR UPDATE SKIP LOCKED))`,
    values: [limit],
  });
  return rowCount ?? 0;
}

const PLACE = 'tenant_id = $1 AND route = $2 AND key = $3';
const HELD = `${PLACE} AND lock_owner = $4`;

function placeValues({ tenantId, route, key }: IdempotencyPlace): unknown[] {
  return [toUuid(tenantId), route, key];
}

function holdValues(hold: IdempotencyHold): unknown[] {
  return [...placeValues(hold), hold.owner];
}

function claimValues(claim: IdempotencyClaim): unknown[] {
  const { principalId, owner, fingerprint, effectId, lockMs, keepMs } = claim;
  return [...placeValues(claim), toUuid(principalId), owner, fingerprint, toUuid(effectId), lockMs, keepMs];
}

function resultOf({ status_code, headers, body, principal_id }: Row): StoredResult {
  return {
    status: status_code,
    headers,
    body: body ?? undefined,
    principalId: fromUuid('key', principal_id),
  };
}
