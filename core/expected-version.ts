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

/** The expected versions for a statement that compares them itself; null where any will do. */
export function versionsToMatch(expected: ExpectedVersion | undefined): readonly number[] | null {
  return expected === undefined || expected === 'any' ? null : expected;
}

/**
 * What to say to somebody who expected another version.
 *
 * @param what - the resource, such as `The endpoint`
 * @param version - `undefined` when it does not exist
 */
export function outdatedDetail(what: string, version: number | undefined): string {
  if (version === undefined) return `${what} does not exist; nothing was changed. Leave If-Match out to make it.`;
  return (
    `${what} has the ETag "${version}" now; nothing was changed. Read it again, and repeat the change with that ETag ` +
    'if it is still wanted.'
  );
}
