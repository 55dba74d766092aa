import { stringAt } from './members';
import { afterSpace, endOfValue, mustEnd } from './scan';

/** A name that an object has already. */
export interface DuplicateName {
  /** The member that comes again, as names and indexes from the outside in. */
  path: (string | number)[];
  /** Where it comes again, as an index in the text. */
  at: number;
}

/**
 * The first name that comes twice in one object, however it is written. `JSON.parse` keeps the last of two members
 * silently.
 *
 * @param text - JSON
 * @throws JsonTextError for what is no JSON, or nested deeper
 */
export function duplicateName(text: string, { maxDepth }: { maxDepth: number }): DuplicateName | undefined {
  /** The names of the objects that are open, by depth. */
  const names: (Set<string> | undefined)[] = [];
  /** The member or index that each level is in, by depth. */
  const path: (string | number)[] = [];
  let found: DuplicateName | undefined;
  const visitor = {
    opened(depth: number) {
      names[depth] = undefined;
      path[depth] = 0;
    },
    nextItem(depth: number) {
      path[depth] = Number(path[depth]) + 1;
    },
    named(at: number, to: number, depth: number) {
      const name = stringAt(text, at, to);
      path[depth] = name;
      const others = names[depth];
      if (others === undefined) names[depth] = new Set([name]);
      else if (others.has(name)) found ??= { path: path.slice(1, depth + 1), at };
      else others.add(name);
    },
  };
  mustEnd(text, endOfValue(text, afterSpace(text, 0), { maxDepth, visitor }));
  return found;
}
