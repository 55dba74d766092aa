import { isUtf8 } from 'node:buffer';
import { entriesOf } from '../../../core/json/entries';
import { membersOf, stringAt } from '../../../core/json/members';
import { JsonTextError } from '../../../core/json/scan';

/** A JSON Pointer (RFC 6901) to something inside: names and indexes, each behind a slash. */
export const POINTER = /^(?:\/(?:[^~/]|~[01])*)+$/;

const INDEX = /^(?:0|[1-9]\d{0,8})$/;

/**
 * The string or number at a place in a JSON body. A number is its text as it is written: read as a number, two large ids
 * may become the same.
 *
 * @returns `undefined` when the body is not JSON, or has no such thing there
 */
export function textAt(body: Buffer, pointer: string): string | undefined {
  if (!isUtf8(body)) return undefined;
  try {
    let text = body.toString();
    for (const token of pointer.split('/').slice(1)) {
      const inner = inside(text, token.replaceAll('~1', '/').replaceAll('~0', '~'));
      if (inner === undefined) return undefined;
      text = inner;
    }
    return scalarOf(text);
  } catch (error) {
    if (error instanceof JsonTextError) return undefined;
    throw error;
  }
}

/** Of two members with one name the last, as most parsers take it. */
function inside(text: string, token: string): string | undefined {
  const member = membersOf(text)?.findLast(({ name }) => name === token);
  if (member !== undefined) return text.slice(member.from, member.to);
  return INDEX.test(token) ? entriesOf(text, Number(token) + 1)?.entries[Number(token)] : undefined;
}

function scalarOf(text: string): string | undefined {
  const value = text.trim();
  if (value.startsWith('"')) return stringAt(value, 0, value.length);
  return /^-?\d/.test(value) ? value : undefined;
}
