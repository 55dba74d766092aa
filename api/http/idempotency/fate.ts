import type { Answer } from '../exchange';

/**
 * What happens to a request's record after its answer:
 * - `store`: the answer is final and is repeated;
 * - `interrupt`: the answer is not final; a repetition with the same key resumes the request;
 * - `forget`: the request was refused without any effect; its key is free again.
 */
export type Fate = 'store' | 'interrupt' | 'forget';

/** Unauthorised, unknown, too many: the next answer may differ, and nothing has been done. */
const REFUSALS: ReadonlySet<number> = new Set([401, 403, 404, 429]);

/** Decides by a handler's answer. */
export function fateOf({ status, headers, body, problem }: Answer): Fate {
  if (status >= 500 || (body !== undefined && typeof body !== 'string')) return 'interrupt';
  if (status < 400) return 'store';
  if (Object.keys(headers ?? {}).some((name) => name.toLowerCase() === 'retry-after')) return 'interrupt';
  return REFUSALS.has(status) || problem === 'validation-failed' ? 'forget' : 'store';
}
