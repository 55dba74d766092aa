import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { newId, type PublicId } from '../../core/ids';
import type { Keyring } from '../../infra/keyring';
import type { Logger } from '../../infra/log';
import type { Queryable } from '../../infra/postgres/pool';
import { type Renewals, renewedWithinMs } from './renewals';
import {
  answerPlace,
  claimIdempotencyKey,
  completeIdempotencyKey,
  findStoredResult,
  forgetIdempotencyKey,
  type IdempotencyHold,
  type IdempotencyPlace,
  interruptIdempotencyKey,
  lockIdempotencyKey,
  type StoredAnswer,
  type StoredResult,
} from './store/idempotency';

export interface HoldDeps {
  pool: Pool;
  keyring: Keyring;
  /** With the same `lockMs`. */
  renewals: Renewals;
  /** How long a hold lasts unless it is renewed, in milliseconds. */
  lockMs: number;
  /** How long an answer is repeated after it was stored, in milliseconds. */
  keepMs: number;
}

/** A request with an idempotency key. */
export interface IdempotentRequest {
  place: IdempotencyPlace;
  /** The API key that sends it. */
  principalId: PublicId;
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

/** A request that was executed, and the answer to repeat. */
export interface ExecutedRequest {
  answer: FinalAnswer;
  /** The API key that it was executed with. */
  principalId: PublicId;
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
  /** What came of the request by whoever took it over, if there is a final answer by now. */
  resultOfOther(): Promise<ExecutedRequest | undefined>;
  /** Stops renewing the hold. */
  release(): void;
}

export type HoldResult =
  | { outcome: 'held'; held: HeldRequest }
  | { outcome: 'completed'; result: ExecutedRequest }
  /** It is being executed, or was until its process died; in how many seconds to ask again. */
  | { outcome: 'in-flight'; retryAfterSeconds: number }
  /** The key was used for something else. */
  | { outcome: 'other-request' };

/** Most executions are over in that time. */
const SOON_SECONDS = 1;
/** A renewal takes a while. */
const RENEWAL_SLACK_MS = 500;

/**
 * Takes a request for execution, or says why not. One execution at a time holds a request; one that dies loses it after
 * `lockMs`, and the next one continues with the same effect.
 */
export async function holdRequest(deps: HoldDeps, request: IdempotentRequest, log: Logger): Promise<HoldResult> {
  const { pool, keyring, renewals, lockMs, keepMs } = deps;
  const { place, principalId, fingerprint } = request;
  const hold: IdempotencyHold = { ...place, principalId, owner: randomUUID() };
  const claim = await claimIdempotencyKey(pool, { ...hold, fingerprint, effectId: newId('eff'), lockMs, keepMs });
  if (claim.outcome === 'completed') return { outcome: 'completed', result: opened(keyring, place, claim.result) };
  if (claim.outcome === 'in-flight') {
    return { outcome: 'in-flight', retryAfterSeconds: retryAfter(claim.lockLeftMs, lockMs) };
  }
  if (claim.outcome === 'other-request') return claim;
  const held: HeldRequest = {
    effectId: claim.effectId,
    attempt: claim.attempt,
    lock: (db) => lockIdempotencyKey(db, hold),
    complete: (answer) => completeIdempotencyKey(pool, hold, sealed(keyring, hold, answer), keepMs),
    forget: () => forgetIdempotencyKey(pool, hold),
    interrupt: () => interruptIdempotencyKey(pool, hold),
    resultOfOther: async () => {
      const stored = await findStoredResult(pool, place, fingerprint);
      return stored === undefined ? undefined : opened(keyring, place, stored);
    },
    release: renewals.keep(hold, log),
  };
  return { outcome: 'held', held };
}

/**
 * A lock that was renewed in time is that of a process at work, which answers soon. One that was not is probably that of
 * a process that died: nothing can be done before it runs out.
 */
function retryAfter(lockLeftMs: number, lockMs: number): number {
  const alive = lockLeftMs > lockMs - renewedWithinMs(lockMs) - RENEWAL_SLACK_MS;
  return alive ? SOON_SECONDS : Math.max(SOON_SECONDS, Math.ceil(lockLeftMs / 1000));
}

function sealed(keyring: Keyring, hold: IdempotencyHold, { body, ...answer }: FinalAnswer): StoredAnswer {
  return { ...answer, body: body === undefined ? undefined : keyring.encrypt(body, answerPlace(hold)) };
}

function opened(keyring: Keyring, place: IdempotencyPlace, stored: StoredResult): ExecutedRequest {
  const { status, headers, body: sealedBody, principalId } = stored;
  const body =
    sealedBody === undefined ? undefined : keyring.decrypt(sealedBody, answerPlace({ ...place, principalId }));
  return { answer: { status, headers, body }, principalId };
}
