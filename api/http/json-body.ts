import { type DuplicateName, duplicateName } from '../../core/json/duplicates';
import { MemberTooDeep, membersOf } from '../../core/json/members';
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
 * @throws Problem that says where the text is not JSON, and why
 */
export function parseJsonBody(text: string, raw: readonly string[] = NONE): unknown {
  try {
    return (raw.length > 0 ? withRaw(text, raw) : undefined) ?? plain(text);
  } catch (error) {
    throw error instanceof JsonTextError ? problemOf(error, text) : error;
  }
}

function plain(text: string): unknown {
  const twice = duplicateName(text, { maxDepth: MAX_DEPTH });
  if (twice !== undefined) throw givenTwice(twice, text);
  return JSON.parse(text);
}

/** @returns undefined for what is no object */
function withRaw(text: string, raw: readonly string[]): Record<string, unknown> | undefined {
  const members = membersOf(text, { maxDepth: MAX_DEPTH });
  if (members === undefined) return undefined;
  const body: Record<string, unknown> = {};
  for (const { name, at, from, to } of members) {
    if (Object.hasOwn(body, name)) throw givenTwice({ name, at, depth: 1 }, text);
    const written = text.slice(from, to);
    const value: unknown = raw.includes(name) ? new RawJson(written) : JSON.parse(written);
    // Assigned, it would be the body's prototype.
    if (name === '__proto__') Object.defineProperty(body, name, { value, enumerable: true });
    else body[name] = value;
  }
  return body;
}

function problemOf(error: JsonTextError, text: string): Problem {
  const { kind, reason, at } = error;
  const where = place(text, at);
  if (kind === 'syntax')
    return new Problem('malformed-json', { detail: `The body stops being JSON ${where}: ${reason}.` });
  const path = error instanceof MemberTooDeep ? [error.member] : [];
  const detail = `must not be nested more than ${MAX_DEPTH} levels deep, as it is ${where}`;
  return invalidField('body', pointerTo(path), detail);
}

function givenTwice({ name, at, depth }: DuplicateName, text: string): Problem {
  const path = depth === 1 ? [name] : [];
  return invalidField('body', pointerTo(path), `a name comes twice in one object, ${place(text, at)}`);
}

function place(text: string, at: number): string {
  return `at byte ${Buffer.byteLength(text.slice(0, at)).toLocaleString('en-US')} (counted from 0)`;
}
