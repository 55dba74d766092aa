import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { newId } from '../../../core/ids';
import {
  answerPlace,
  type ClaimResult,
  claimIdempotencyKey,
  completeIdempotencyKey,
  findStoredAnswer,
  forgetIdempotencyKey,
  holdIdempotencyKey,
  type IdempotencyHold,
  type IdempotencyPlace,
  interruptIdempotencyKey,
  renewIdempotencyKey,
  type StoredAnswer,
} from '../../../domains/idempotency';
import type { Keyring } from '../../../infra/keyring';
import type { Logger } from '../../../infra/log';
import type { Answer } from '../exchange';
import { Problem } from '../problems';
import type { IdempotentOutcome, RequestMetrics } from '../request-metrics';
import type { EffectHold } from '../route';
import { fateOf } from './fate';

export interface IdempotencyOptions {
  /** How long a request is believed to be executed by a process that does not renew its lock. Default 30 s. */
  lockMs?: number;
  /** How long an answer is repeated, from when it was stored. Default 24 hours. */
  keepMs?: number;
}

/** A request with an idempotency key. */
export interface IdempotentRequest {
  place: IdempotencyPlace;
  fingerprint: Buffer;
}

const LOCK_MS = 30_000;
const KEEP_MS = 86_400_000;
/** The lock is renewed when a third of it is over, but not for a handler that hangs. */
const RENEWALS_PER_LOCK = 3;
const MAX_RENEWALS = 30;
const KEPT_HEADERS: ReadonlySet<string> = new Set(['location', 'etag']);
const CONTENT_TYPE = 'content-type';

/**
 * Executes a request with an idempotency key once and repeats its answer. One execution at a time holds the record's
 * lock; one that dies loses it after `lockMs`, and the next goes on with the same effect. The answer is stored by the
 * holder of the lock alone, before anybody gets to see it.
 */
export class Idempotency {
  readonly #pool: Pool;
  readonly #keyring: Keyring;
  readonly #metrics: Pick<RequestMetrics, 'countIdempotent'>;
  readonly #lockMs: number;
  readonly #keepMs: number;

  constructor(
    deps: { pool: Pool; keyring: Keyring; metrics: Pick<RequestMetrics, 'countIdempotent'> },
    options: IdempotencyOptions = {},
  ) {
    this.#pool = deps.pool;
    this.#keyring = deps.keyring;
    this.#metrics = deps.metrics;
    this.#lockMs = options.lockMs ?? LOCK_MS;
    this.#keepMs = options.keepMs ?? KEEP_MS;
  }

  /**
   * Answers a request: by executing it, or as it was answered before.
   *
   * @param execute - answers errors too; what it throws itself is passed on
   * @throws Problem when the key was used for another request, or its request is being executed
   */
  async answer(
    request: IdempotentRequest,
    log: Logger,
    execute: (effect: EffectHold) => Promise<Answer>,
  ): Promise<Answer> {
    const { place, fingerprint } = request;
    const hold: IdempotencyHold = { ...place, owner: randomUUID() };
    const times = { lockMs: this.#lockMs, keepMs: this.#keepMs };
    const claim = await claimIdempotencyKey(this.#pool, { ...hold, fingerprint, effectId: newId('effect'), ...times });
    this.#metrics.countIdempotent(outcomeOf(claim));
    if (claim.outcome === 'other-request') throw otherRequest();
    if (claim.outcome === 'in-flight') throw inUse();
    if (claim.outcome === 'completed') return this.#repeat(place, claim.answer);
    if (claim.attempt > 1)
      log.info({ attempt: claim.attempt, effectId: claim.effectId }, 'a request is taken up again');

    const stopRenewing = this.#renew(hold, log);
    try {
      const answer = await execute({ id: claim.effectId, fence: (db) => fence(db, hold) });
      if (await this.#settle(hold, answer)) return answer;
    } catch (error) {
      // If the answer was stored after all, this changes nothing.
      await interruptIdempotencyKey(this.#pool, hold).catch(() => {});
      throw error;
    } finally {
      stopRenewing();
    }
    log.warn({ effectId: claim.effectId }, 'a request was taken over while it was being executed');
    const stored = await findStoredAnswer(this.#pool, place, fingerprint);
    if (stored === undefined) throw inUse();
    return this.#repeat(place, stored);
  }

  /** @returns false when the lock is lost, and with it the right to answer */
  async #settle(hold: IdempotencyHold, answer: Answer): Promise<boolean> {
    switch (fateOf(answer)) {
      case 'store':
        return completeIdempotencyKey(this.#pool, hold, this.#seal(hold, answer), this.#keepMs);
      case 'forget':
        return forgetIdempotencyKey(this.#pool, hold);
      case 'interrupt':
        // Without Postgres the answer is what it is, and the lock runs out by itself.
        return interruptIdempotencyKey(this.#pool, hold).catch(() => true);
    }
  }

  #seal(place: IdempotencyPlace, { status, contentType, headers, body }: Answer): StoredAnswer {
    const kept = Object.entries(headers ?? {}).filter(([name]) => KEPT_HEADERS.has(name.toLowerCase()));
    return {
      status,
      headers: {
        ...Object.fromEntries(kept.map(([name, value]) => [name.toLowerCase(), value])),
        ...(contentType === undefined ? {} : { [CONTENT_TYPE]: contentType }),
      },
      body: typeof body === 'string' ? this.#keyring.encrypt(body, answerPlace(place)) : undefined,
    };
  }

  #repeat(place: IdempotencyPlace, { status, headers, body }: StoredAnswer): Answer {
    const { [CONTENT_TYPE]: contentType, ...others } = headers;
    return {
      status,
      contentType,
      body: body === undefined ? undefined : this.#keyring.decrypt(body, answerPlace(place)),
      headers: { ...others, 'idempotent-replayed': 'true' },
    };
  }

  #renew(hold: IdempotencyHold, log: Logger): () => void {
    let renewals = 0;
    const timer = setInterval(() => {
      if (++renewals >= MAX_RENEWALS) clearInterval(timer);
      renewIdempotencyKey(this.#pool, hold, this.#lockMs).catch((error: unknown) => {
        log.warn({ err: error }, "a request's lock could not be renewed");
      });
    }, this.#lockMs / RENEWALS_PER_LOCK).unref();
    return () => clearInterval(timer);
  }
}

async function fence(db: Parameters<EffectHold['fence']>[0], hold: IdempotencyHold): Promise<void> {
  if (!(await holdIdempotencyKey(db, hold))) throw inUse();
}

function outcomeOf(claim: ClaimResult): IdempotentOutcome {
  if (claim.outcome === 'completed') return 'replayed';
  if (claim.outcome !== 'claimed') return claim.outcome;
  return claim.attempt > 1 ? 'taken-over' : 'executed';
}

function inUse(): Problem {
  return new Problem('idempotency-key-in-use', { headers: { 'retry-after': '1' } });
}

function otherRequest(): Problem {
  return new Problem('idempotency-key-reuse', {
    detail: 'The Idempotency-Key was used before for another request: use a new one, or repeat the request unchanged.',
    errors: [{ in: 'header', pointer: '#/idempotency-key', detail: 'was used for another request' }],
  });
}
