import { afterColon, afterSpace, endOfString, endOfValue, JsonTextError, mustEnd, type ScanOptions } from './scan';

/** A member of an object, and where its value is in the text. */
export interface Member {
  name: string;
  /** Where its name begins. */
  at: number;
  from: number;
  to: number;
}

/**
 * The members of an object, in their order, each as often as it is there.
 *
 * @param text - JSON
 * @param options - `maxDepth` counts within each member's value
 * @returns undefined for a text that does not begin as an object does, and is not checked
 * @throws JsonTextError; `within` is told the member in whose value
 */
export function membersOf(text: string, options?: ScanOptions): Member[] | undefined {
  let index = afterSpace(text, 0);
  if (text[index] !== '{') return undefined;
  const members: Member[] = [];
  index = afterSpace(text, index + 1);
  if (text[index] === '}') {
    mustEnd(text, index + 1);
    return members;
  }
  for (;;) {
    const at = index;
    if (text[at] !== '"') throw new JsonTextError('expected a name in double quotes', at);
    const nameEnd = endOfString(text, at);
    const name = stringAt(text, at, nameEnd);
    const from = afterColon(text, nameEnd);
    const to = endOfMember(text, name, from, options);
    members.push({ name, at, from, to });
    index = afterSpace(text, to);
    const next = text[index];
    if (next === '}') break;
    if (next !== ',') throw new JsonTextError('expected "," or "}"', index);
    index = afterSpace(text, index + 1);
  }
  mustEnd(text, index + 1);
  return members;
}

/** Thrown for a member's value that is nested too deep. */
export class MemberTooDeep extends JsonTextError {
  constructor(
    readonly member: string,
    { reason, at }: JsonTextError,
  ) {
    super(reason, at, 'depth');
  }
}

function endOfMember(text: string, name: string, from: number, options: ScanOptions | undefined): number {
  try {
    return endOfValue(text, from, options);
  } catch (error) {
    throw error instanceof JsonTextError && error.kind === 'depth' ? new MemberTooDeep(name, error) : error;
  }
}

/** What a string says, quotes included in its place. */
export function stringAt(text: string, from: number, to: number): string {
  const inner = text.slice(from + 1, to - 1);
  return inner.includes('\\') ? (JSON.parse(text.slice(from, to)) as string) : inner;
}
