/**
 * The `code` that Node, its drivers and Postgres put on their errors, or an empty string. Not by `instanceof`: an error may
 * come from another realm.
 */
export function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}
