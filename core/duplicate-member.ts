// Our own, because `JSON.parse` keeps the last of two members silently, and the parsers that tell of it build a tree of
// their own or go down by recursion, which a body of brackets alone could exhaust.

/**
 * Strings, and what begins, ends and divides. The other tokens have no part in this. A string that never ends goes to the
 * end, so that its rest is not tried again at every quote in it.
 */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?$)|[{}[\],]/gs;

/** What is nested deeper is refused anyway. */
const MAX_DEPTH = 200;

interface Level {
  /** Names seen so far, in an object. */
  names: Set<string> | undefined;
  /** The member or index that we are in. */
  at: string | number;
}

/**
 * The first member of an object in a JSON text that has the name of an earlier one, however the names are written.
 *
 * @param text - what `JSON.parse` takes, nested at most 200 levels deep; of anything else the answer says nothing
 * @returns its place, as names and indexes from the outside in; `undefined` when there is none
 */
export function duplicateMember(text: string): (string | number)[] | undefined {
  const levels: Level[] = [];
  let nameComes = false;
  for (const [token] of text.matchAll(TOKEN)) {
    const level = levels.at(-1);
    if (token === '{' || token === '[') {
      if (levels.length === MAX_DEPTH) return undefined;
      levels.push(token === '{' ? { names: new Set(), at: '' } : { names: undefined, at: 0 });
      nameComes = token === '{';
    } else if (token === '}' || token === ']') {
      levels.pop();
      nameComes = false;
    } else if (token === ',') {
      if (typeof level?.at === 'number') level.at++;
      nameComes = level?.names !== undefined;
    } else if (nameComes && level?.names !== undefined) {
      const name = nameOf(token);
      if (name === undefined) return undefined;
      level.at = name;
      if (level.names.has(name)) return levels.map(({ at }) => at);
      level.names.add(name);
      nameComes = false;
    }
  }
  return undefined;
}

/** @returns `undefined` for what is no JSON */
function nameOf(token: string): string | undefined {
  if (!token.includes('\\')) return token.slice(1, -1);
  try {
    return String(JSON.parse(token));
  } catch {
    return undefined;
  }
}
