import type { Answer } from '../exchange';
import type { ProblemCode } from '../problems';

/**
 * What happens to a request's record after its answer:
 * - `store`: the answer is final and is repeated;
 * - `interrupt`: the answer is not final; a repetition with the same key resumes the request;
 * - `forget`: the request was refused without any effect; its key is free again.
 */
export type Fate = 'store' | 'interrupt' | 'forget';

/** Unauthorised, unknown, too early, too many: the next answer may differ, and nothing has been done. */
const REFUSALS: ReadonlySet<number> = new Set([401, 403, 404, 408, 425, 429]);

/** Whatever their status, these say that something is to be changed or waited for first. */
const PASSING: ReadonlySet<ProblemCode> = new Set(['validation-failed', 'period-open', 'attempt-in-flight']);

const CONFLICT = 409;

/**
 * Decides by a handler's answer.
 *
 * @param attempt - 1 for a request's first execution
 */
export function fateOf({ status, headers, body, problem }: Answer, attempt: number): Fate {
  if (status >= 500 || (body !== undefined && typeof body !== 'string')) return 'interrupt';
  if (status < 400) return 'store';
  if (Object.keys(headers ?? {}).some((name) => name.toLowerCase() === 'retry-after')) return 'interrupt';
  if (REFUSALS.has(status) || (problem !== undefined && PASSING.has(problem))) return 'forget';
  // What it conflicts with may be what an earlier execution of this same request has done, or is still doing.
  return status === CONFLICT && attempt > 1 ? 'interrupt' : 'store';
}
