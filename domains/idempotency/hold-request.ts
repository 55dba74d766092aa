import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { newId, type PublicId } from '../../core/ids';
import type { Keyring } from '../../infra/keyring';
import type { Logger } from '../../infra/log';
import type { Queryable } from '../../infra/postgres/pool';
import {
  answerPlace,
  claimIdempotencyKey,
  completeIdempotencyKey,
  findStoredAnswer,
  forgetIdempotencyKey,
  type IdempotencyHold,
  type IdempotencyPlace,
  interruptIdempotencyKey,
  lockIdempotencyKey,
  renewIdempotencyKey,
  type StoredAnswer,
} from './store/idempotency';

export interface HoldDeps {
  pool: Pool;
  keyring: Keyring;
  /** How long a hold lasts unless it is renewed, in milliseconds. */
  lockMs: number;
  /** How long an answer is repeated after it was stored, in milliseconds. */
  keepMs: number;
}

/** A request with an idempotency key. */
export interface IdempotentRequest {
  place: IdempotencyPlace;
  /** SHA-256 of what is asked for. */
  fingerprint: Buffer;
}

/** A final answer, to be repeated. */
export interface FinalAnswer {
  status: number;
  /** By lower-case name. */
  headers: Record<string, string>;
  body: string | undefined;
}

/** A request that only we may execute. End it, and release it in any case. */
export interface HeldRequest {
  /** The id of its effect: the same for every execution. */
  effectId: PublicId;
  /** 1 for the first execution; more when earlier ones reached no final answer. */
  attempt: number;
  /** Keeps the hold until the transaction of `db` ends. @returns false when it is lost */
  lock(db: Queryable): Promise<boolean>;
  /** Stores the final answer. @returns false when the hold is lost: nothing is stored then */
  complete(answer: FinalAnswer): Promise<boolean>;
  /** Gives it up without any effect, so that its key is free again. @returns false when the hold is lost */
  forget(): Promise<boolean>;
  /** Gives it up without a final answer; a repetition resumes it. @returns false when the hold is lost */
  interrupt(): Promise<boolean>;
  /** The final answer of whoever took the request over, if there is one by now. */
  answerOfOther(): Promise<FinalAnswer | undefined>;
  /** Stops renewing the hold. */
  release(): void;
}

export type HoldResult =
  | { outcome: 'held'; held: HeldRequest }
  | { outcome: 'completed'; answer: FinalAnswer }
  /** It is being executed. */
  | { outcome: 'in-flight' }
  /** The key was used for something else. */
  | { outcome: 'other-request' };

/** A hold is renewed after a third of its time, but not forever, in case the execution hangs. */
const RENEWALS_PER_LOCK = 3;
const MAX_RENEWALS = 30;

/**
 * Takes a request for execution, or says why not. One execution at a time holds a request; one that dies loses it after
 * `lockMs`, and the next one continues with the same effect.
 */
export async function holdRequest(deps: HoldDeps, request: IdempotentRequest, log: Logger): Promise<HoldResult> {
  const { pool, keyring, lockMs, keepMs } = deps;
  const { place, fingerprint } = request;
  const hold: IdempotencyHold = { ...place, owner: randomUUID() };
  const claim = await claimIdempotencyKey(pool, { ...hold, fingerprint, effectId: newId('eff'), lockMs, keepMs });
  if (claim.outcome === 'completed') return { outcome: 'completed', answer: opened(keyring, place, claim.answer) };
  if (claim.outcome !== 'claimed') return claim;
  const release = keepRenewing(deps, hold, log);
  const held: HeldRequest = {
    effectId: claim.effectId,
    attempt: claim.attempt,
    lock: (db) => lockIdempotencyKey(db, hold),
    complete: (answer) => completeIdempotencyKey(pool, hold, sealed(keyring, place, answer), keepMs),
    forget: () => forgetIdempotencyKey(pool, hold),
    interrupt: () => interruptIdempotencyKey(pool, hold),
    answerOfOther: async () => {
      const stored = await findStoredAnswer(pool, place, fingerprint);
      return stored === undefined ? undefined : opened(keyring, place, stored);
    },
    release,
  };
  return { outcome: 'held', held };
}

function sealed(keyring: Keyring, place: IdempotencyPlace, { body, ...answer }: FinalAnswer): StoredAnswer {
  return { ...answer, body: body === undefined ? undefined : keyring.encrypt(body, answerPlace(place)) };
}

function opened(keyring: Keyring, place: IdempotencyPlace, { body, ...answer }: StoredAnswer): FinalAnswer {
  return { ...answer, body: body === undefined ? undefined : keyring.decrypt(body, answerPlace(place)) };
}

function keepRenewing({ pool, lockMs }: HoldDeps, hold: IdempotencyHold, log: Logger): () => void {
  let renewals = 0;
  const timer = setInterval(() => {
    if (++renewals >= MAX_RENEWALS) clearInterval(timer);
    renewIdempotencyKey(pool, hold, lockMs).catch((error: unknown) => {
      log.warn({ err: error }, "a request's lock could not be renewed");
    });
  }, lockMs / RENEWALS_PER_LOCK).unref();
  return () => clearInterval(timer);
}
