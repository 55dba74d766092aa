import type { Pool } from 'pg';
import type { PublicId } from '../../../core/ids';
import {
  createRenewals,
  type ExecutedRequest,
  type FinalAnswer,
  type HeldRequest,
  type HoldResult,
  holdRequest,
  type IdempotentRequest,
} from '../../../domains/idempotency';
import type { Keyring } from '../../../infra/keyring';
import type { Logger } from '../../../infra/log';
import type { Answer } from '../exchange';
import { Problem } from '../problems';
import type { IdempotentOutcome, RequestMetrics } from '../request-metrics';
import type { EffectHold } from '../route';
import { fateOf } from './fate';

export interface IdempotencyOptions {
  /** How long a request stays locked unless its process renews the lock. Default 10 s. */
  lockMs?: number;
  /** How long an answer is repeated after it was stored. Default 24 hours. */
  keepMs?: number;
}

interface IdempotencyDeps {
  pool: Pool;
  keyring: Keyring;
  metrics: Pick<RequestMetrics, 'countIdempotent'>;
}

/** A request to be executed once. */
export interface OnceRequest extends IdempotentRequest {
  log: Logger;
  /** Executes it for its one effect. Also turns errors into answers; what it throws is passed on. */
  execute(effect: EffectHold): Promise<Answer>;
  /** Throws when the caller may not see the answer to what another API key has done. */
  mayRepeat(doneBy: PublicId): Promise<void>;
}

/** A process that died is found out after this long. Living ones renew their locks all together, at little cost. */
const LOCK_MS = 10_000;
const KEEP_MS = 86_400_000;
const KEPT_HEADERS: ReadonlySet<string> = new Set(['location', 'etag']);
const CONTENT_TYPE = 'content-type';

/**
 * Executes a request with an idempotency key once and repeats its answer. The holder of the request stores the
 * answer before anybody sees it.
 */
export class Idempotency {
  readonly #deps: Parameters<typeof holdRequest>[0];
  readonly #metrics: IdempotencyDeps['metrics'];

  constructor({ pool, keyring, metrics }: IdempotencyDeps, options: IdempotencyOptions = {}) {
    const { lockMs = LOCK_MS, keepMs = KEEP_MS } = options;
    this.#deps = { pool, keyring, renewals: createRenewals({ pool, lockMs }), lockMs, keepMs };
    this.#metrics = metrics;
  }

  /**
   * Answers a request: by executing it, or as it was answered before.
   *
   * @throws Problem when the key was used for another request, or its request is being executed
   */
  async answer(request: OnceRequest): Promise<Answer> {
    const result = await holdRequest(this.#deps, request, request.log);
    this.#metrics.countIdempotent(counted(result));
    switch (result.outcome) {
      case 'held':
        return executeHeld(result.held, request);
      case 'completed':
        return repeat(request, result.result);
      case 'in-flight':
        throw inUse(result.retryAfterSeconds);
      case 'other-request':
        throw otherRequest();
    }
  }
}

async function executeHeld(held: HeldRequest, request: OnceRequest): Promise<Answer> {
  const { effectId, attempt } = held;
  const { log, execute } = request;
  if (attempt > 1) log.info({ attempt, effectId }, 'a request is taken up again');
  try {
    const answer = await execute({
      id: effectId,
      fence: async (db) => {
        if (!(await held.lock(db))) throw inUse();
      },
    });
    if (await end(held, answer)) return answer;
  } catch (error) {
    // If the answer was stored after all, this changes nothing.
    await held.interrupt().catch(() => {});
    throw error;
  } finally {
    held.release();
  }
  log.warn({ effectId }, 'a request was taken over while it was being executed');
  const other = await held.resultOfOther();
  if (other === undefined) throw inUse();
  return repeat(request, other);
}

/** @returns false when the hold is lost, and with it the right to answer */
async function end(held: HeldRequest, answer: Answer): Promise<boolean> {
  switch (fateOf(answer, held.attempt)) {
    case 'store':
      return held.complete(finalOf(answer));
    case 'forget':
      return held.forget();
    case 'interrupt':
      // If Postgres is away, the answer stands, and the lock runs out by itself.
      return held.interrupt().catch(() => true);
  }
}

/** The part of an answer that is repeated. */
function finalOf({ status, contentType, headers, body }: Answer): FinalAnswer {
  const kept = Object.entries(headers ?? {}).filter(([name]) => KEPT_HEADERS.has(name.toLowerCase()));
  return {
    status,
    headers: {
      ...Object.fromEntries(kept.map(([name, value]) => [name.toLowerCase(), value])),
      ...(contentType === undefined ? {} : { [CONTENT_TYPE]: contentType }),
    },
    body: typeof body === 'string' ? body : undefined,
  };
}

/** The answer to what was done before. */
async function repeat(request: OnceRequest, { answer, principalId }: ExecutedRequest): Promise<Answer> {
  if (principalId !== request.principalId) await request.mayRepeat(principalId);
  return repeated(answer);
}

const REPLAYED = { 'idempotent-replayed': 'true' };

function repeated({ status, headers, body }: FinalAnswer): Answer {
  const { [CONTENT_TYPE]: contentType, ...others } = headers;
  return { status, contentType, body, headers: { ...others, ...REPLAYED } };
}

function counted(result: HoldResult): IdempotentOutcome {
  if (result.outcome === 'completed') return 'replayed';
  if (result.outcome !== 'held') return result.outcome;
  return result.held.attempt > 1 ? 'taken-over' : 'executed';
}

function inUse(retryAfterSeconds = 1): Problem {
  return new Problem('idempotency-key-in-use', { headers: { 'retry-after': String(retryAfterSeconds) } });
}

function otherRequest(): Problem {
  return new Problem('idempotency-key-reuse', {
    detail: 'The Idempotency-Key was used before for another request: use a new one, or repeat the request unchanged.',
    errors: [{ in: 'header', pointer: '#/idempotency-key', detail: 'was used for another request' }],
  });
}
