import type { Answer } from '../exchange';

/**
 * What becomes of the record of a request that was answered so:
 * - `store`: the answer is final and is repeated;
 * - `interrupt`: the request came to nothing final; with the same key it goes on;
 * - `forget`: the request was refused without any effect; its key is free again.
 */
export type Fate = 'store' | 'interrupt' | 'forget';

/** Unauthorised, unknown, too many: may be answered otherwise the next time, and nothing has been done. */
const REFUSALS: ReadonlySet<number> = new Set([401, 403, 404, 429]);

/** Decides on an answer of a handler. */
export function fateOf({ status, headers, body, problem }: Answer): Fate {
  if (status >= 500 || (body !== undefined && typeof body !== 'string')) return 'interrupt';
  if (status < 400) return 'store';
  if (Object.keys(headers ?? {}).some((name) => name.toLowerCase() === 'retry-after')) return 'interrupt';
  return REFUSALS.has(status) || problem === 'validation-failed' ? 'forget' : 'store';
}
