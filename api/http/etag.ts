import { z } from 'zod';
import type { ExpectedVersion } from '../../core/expected-version';

/** The header with which an answer says which version of the resource it shows. */
export function etag({ version }: { version: number }): { etag: string } {
  return { etag: `"${version}"` };
}

/** Describes {@link etag} in a route's responses. */
export const ETAG = { ETag: 'The version of what the body shows, for `If-Match`.' };

const ENTITY_TAG = /\s*(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(,|$)/y;
const LONGEST = 1_000;
/** One of them as a pattern says it. */
const TAG = '(W/)?"[!#-~]*"';

/**
 * Headers of a route that changes something with a version: with `If-Match` (RFC 9110, 13.1.1) it does so only if that
 * version is still the current one, and otherwise answers 412 `precondition-failed`. Parsed to an
 * {@link ExpectedVersion}, `undefined` without the header.
 */
export const ifMatchHeaders = z.object({
  'if-match': z
    .string()
    .meta({
      example: '"7"',
      minLength: 1,
      maxLength: LONGEST,
      pattern: `^(\\*|${TAG}(, *${TAG})*)$`,
      description:
        'The `ETag` of the version that is to be changed; if it has changed meanwhile, the answer is 412 and nothing is ' +
        'changed. `*`: whatever the version, as long as it exists.',
    })
    .transform((text, ctx): ExpectedVersion => {
      const expected = text.length > LONGEST ? undefined : expectedVersion(text);
      if (expected !== undefined) return expected;
      ctx.addIssue({ code: 'custom', message: 'expected the ETag of an answer, such as "7" in double quotes, or *' });
      return z.NEVER;
    })
    .optional(),
});

/** @returns `undefined` when it is no list of entity tags */
function expectedVersion(text: string): ExpectedVersion | undefined {
  if (text.trim() === '*') return 'any';
  const versions: number[] = [];
  ENTITY_TAG.lastIndex = 0;
  for (let at = 0, more = true; more; at = ENTITY_TAG.lastIndex) {
    ENTITY_TAG.lastIndex = at;
    const [, weak, tag = '', comma] = ENTITY_TAG.exec(text) ?? [];
    if (comma === undefined) return undefined;
    // Weak tags and those of others never match, says the RFC.
    if (weak === undefined && /^[1-9]\d{0,14}$/.test(tag)) versions.push(Number(tag));
    more = comma === ',';
  }
  return versions;
}

/** Whether an `If-None-Match` names this ETag (RFC 9110, 13.1.2, which compares weakly). */
export function isKnown(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined || ifNoneMatch.length > LONGEST) return false;
  return ifNoneMatch.split(',').some((known) => ['*', tag].includes(known.trim().replace(/^W\//, '')));
}
