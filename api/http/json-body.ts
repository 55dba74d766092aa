import { grouped } from '../../core/grouped';
import { duplicateName } from '../../core/json/duplicates';
import { type Member, MemberTooDeep, membersOf } from '../../core/json/members';
import { RawJson } from '../../core/json/raw-json';
import { JsonTextError } from '../../core/json/scan';
import { invalidField, Problem } from './problems';
import { pointerTo } from './validation';

/** Deeper than any event, and far below what receivers' parsers and our own stack can take. */
const MAX_DEPTH = 100;

const NONE: readonly string[] = [];

/**
 * Reads a JSON body. Names that come twice in an object are refused, since of two values one would be lost.
 *
 * @param raw - members of the outermost object that are left as they were sent, duplicate names inside them included
 * @param what - what the text is, when it is not a whole body
 * @throws Problem that says where the text is not JSON, and why
 */
export function parseJsonBody(text: string, raw: readonly string[] = NONE, what = 'body'): unknown {
  try {
    return (raw.length > 0 ? withRaw(text, raw) : undefined) ?? parsed(text);
  } catch (error) {
    throw error instanceof JsonTextError ? notJson(error, text, what) : error;
  }
}

/** @returns undefined for what is no object */
function withRaw(text: string, raw: readonly string[]): Record<string, unknown> | undefined {
  const members = membersOf(text, { maxDepth: MAX_DEPTH });
  if (members === undefined) return undefined;
  const body: Record<string, unknown> = {};
  for (const member of members) {
    const { name, at, from, to } = member;
    if (Object.hasOwn(body, name)) throw givenTwice([name], text, at);
    const value: unknown = raw.includes(name) ? new RawJson(text.slice(from, to)) : parsed(text, member);
    // Assigned, it would be the body's prototype.
    if (name === '__proto__') Object.defineProperty(body, name, { value, enumerable: true });
    else body[name] = value;
  }
  return body;
}

/**
 * Of two members with one name the parser takes the last, another program perhaps the first.
 *
 * @param member - whose value is meant; by default the whole text
 */
function parsed(text: string, member?: Member): unknown {
  const value = member === undefined ? text : text.slice(member.from, member.to);
  const twice = duplicateName(value, { maxDepth: MAX_DEPTH });
  if (twice === undefined) return JSON.parse(value);
  const path = member === undefined ? twice.path : [member.name, ...twice.path];
  throw givenTwice(path, text, (member?.from ?? 0) + twice.at);
}

/** What is told of a text that is not JSON, or too deep, and where. */
export function notJson(error: JsonTextError, text: string, what = 'body'): Problem {
  const { kind, reason, at } = error;
  const where = place(text, at);
  if (kind === 'syntax')
    return new Problem('malformed-json', { detail: `The ${what} stops being JSON ${where}: ${reason}.` });
  const path = error instanceof MemberTooDeep ? [error.member] : [];
  const detail = `must not be nested more than ${MAX_DEPTH} levels deep, as it is ${where}`;
  return invalidField('body', pointerTo(path), detail);
}

function givenTwice(path: readonly (string | number)[], text: string, at: number): Problem {
  return new Problem('duplicate-member', {
    detail: `An object in the body has a name twice, again ${place(text, at)}: name each member of an object once.`,
    errors: [{ in: 'body', pointer: pointerTo(path), detail: 'is there twice' }],
  });
}

function place(text: string, at: number): string {
  return `at byte ${grouped(Buffer.byteLength(text.slice(0, at)))} (counted from 0)`;
}
