import { stringAt } from './members';
import { afterSpace, endOfValue, mustEnd } from './scan';

/** A name that an object has already. */
export interface DuplicateName {
  name: string;
  /** Where it comes again, as an index in the text. */
  at: number;
  /** 1 for the outermost object's own. */
  depth: number;
}

/**
 * The first name that comes twice in one object.
 *
 * @param text - JSON
 * @throws JsonTextError for what is no JSON, or nested deeper
 */
export function duplicateName(text: string, { maxDepth }: { maxDepth: number }): DuplicateName | undefined {
  /** The names of the objects that are open, by depth. */
  const names: (Set<string> | undefined)[] = [];
  let found: DuplicateName | undefined;
  const visitor = {
    opened(depth: number) {
      names[depth] = undefined;
    },
    named(at: number, to: number, depth: number) {
      const name = stringAt(text, at, to);
      const others = names[depth];
      if (others === undefined) names[depth] = new Set([name]);
      else if (others.has(name)) found ??= { name, at, depth };
      else others.add(name);
    },
  };
  mustEnd(text, endOfValue(text, afterSpace(text, 0), { maxDepth, visitor }));
  return found;
}
