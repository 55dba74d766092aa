/** The versions that somebody takes a resource to have: one of these, or any, as long as it exists. */
export type ExpectedVersion = 'any' | readonly number[];

/**
 * Whether a resource is what was expected.
 *
 * @param expected - `undefined` when nothing was
 * @param version - `undefined` when it does not exist
 */
export function isExpected(expected: ExpectedVersion | undefined, version: number | undefined): boolean {
  if (expected === undefined) return true;
  return version !== undefined && (expected === 'any' || expected.includes(version));
}
