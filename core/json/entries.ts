import { afterSpace, endOfValue, JsonTextError, mustEnd } from './scan';

/**
 * The texts of an array's entries, as they were written.
 *
 * @param text - JSON
 * @param most - entries whose texts are kept; further ones are only counted
 * @returns undefined for a text that does not begin as an array does, and is not checked
 * @throws JsonTextError
 */
export function entriesOf(text: string, most: number): { entries: string[]; count: number } | undefined {
  let index = afterSpace(text, 0);
  if (text[index] !== '[') return undefined;
  const entries: string[] = [];
  let count = 0;
  index = afterSpace(text, index + 1);
  if (text[index] === ']') {
    mustEnd(text, index + 1);
    return { entries, count };
  }
  for (;;) {
    const from = index;
    const to = endOfValue(text, from);
    count++;
    if (count <= most) entries.push(text.slice(from, to));
    index = afterSpace(text, to);
    const next = text[index];
    if (next === ']') break;
    if (next !== ',') throw new JsonTextError('expected "," or "]"', index);
    index = afterSpace(text, index + 1);
  }
  mustEnd(text, index + 1);
  return { entries, count };
}
