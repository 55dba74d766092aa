import { codeOf } from '../../core/error-code';

/** The five-character SQLSTATE of an error that Postgres reported; undefined for any other. */
export function sqlState(error: unknown): string | undefined {
  const code = codeOf(error);
  return /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/**
 * Whether a statement failed for its data (class 22, data exception, or 23, constraint), not for the server's state.
 */
export function isItemFault(error: unknown): boolean {
  const state = sqlState(error);
  return state !== undefined && /^(22|23|54)/.test(state);
}
