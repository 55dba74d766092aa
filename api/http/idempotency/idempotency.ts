import type { Pool } from 'pg';
import {
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
  /** How long a request stays locked unless its process renews the lock. Default 30 s. */
  lockMs?: number;
  /** How long an answer is repeated after it was stored. Default 24 hours. */
  keepMs?: number;
}

interface IdempotencyDeps {
  pool: Pool;
  keyring: Keyring;
  metrics: Pick<RequestMetrics, 'countIdempotent'>;
}

/** Executes a request for its one effect. */
type ExecuteOnce = (effect: EffectHold) => Promise<Answer>;

const LOCK_MS = 30_000;
const KEEP_MS = 86_400_000;
const KEPT_HEADERS: ReadonlySet<string> = new Set(['location', 'etag']);
const CONTENT_TYPE = 'content-type';

/**
 * Executes a request with an idempotency key once and repeats its answer. The holder of the request stores the
 * answer before anybody sees it.
 */
export class Idempotency {
  readonly #deps: IdempotencyDeps;
  readonly #times: { lockMs: number; keepMs: number };

  constructor(deps: IdempotencyDeps, { lockMs = LOCK_MS, keepMs = KEEP_MS }: IdempotencyOptions = {}) {
    this.#deps = deps;
    this.#times = { lockMs, keepMs };
  }

  /**
   * Answers a request: by executing it, or as it was answered before.
   *
   * @param execute - also turns errors into answers; what it throws is passed on
   * @throws Problem when the key was used for another request, or its request is being executed
   */
  async answer(request: IdempotentRequest, log: Logger, execute: ExecuteOnce): Promise<Answer> {
    const { pool, keyring, metrics } = this.#deps;
    const result = await holdRequest({ pool, keyring, ...this.#times }, request, log);
    metrics.countIdempotent(counted(result));
    switch (result.outcome) {
      case 'held':
        return executeHeld(result.held, log, execute);
      case 'completed':
        return repeated(result.answer);
      case 'in-flight':
        throw inUse();
      case 'other-request':
        throw otherRequest();
    }
  }
}

async function executeHeld(held: HeldRequest, log: Logger, execute: ExecuteOnce): Promise<Answer> {
  const { effectId, attempt } = held;
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
  const other = await held.answerOfOther();
  if (other === undefined) throw inUse();
  return repeated(other);
}

/** @returns false when the hold is lost, and with it the right to answer */
async function end(held: HeldRequest, answer: Answer): Promise<boolean> {
  switch (fateOf(answer)) {
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

function repeated({ status, headers, body }: FinalAnswer): Answer {
  const { [CONTENT_TYPE]: contentType, ...others } = headers;
  return { status, contentType, body, headers: { ...others, 'idempotent-replayed': 'true' } };
}

function counted(result: HoldResult): IdempotentOutcome {
  if (result.outcome === 'completed') return 'replayed';
  if (result.outcome !== 'held') return result.outcome;
  return result.held.attempt > 1 ? 'taken-over' : 'executed';
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
