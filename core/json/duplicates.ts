import { stringAt } from './members';
import { afterSpace, endOfValue } from './scan';

/** A name that an object has already. */
export interface DuplicateName {
  name: string;
  /** Where it comes again, as an index in the text. */
  at: number;
  /** 1 for the outermost object's own. */
  depth: number;
}

/** The first name that comes twice in one object. @param text - JSON. @throws JsonTextError */
export function duplicateName(text: string): DuplicateName | undefined {
  const names: Set<string>[] = [];
  let found: DuplicateName | undefined;
  endOfValue(text, afterSpace(text, 0), {
    visitor: {
      opened: (depth) => {
        names[depth] = new Set();
      },
      named: (at, to, depth) => {
        const name = stringAt(text, at, to);
        if (names[depth]?.has(name) === true) found ??= { name, at, depth };
        names[depth]?.add(name);
      },
    },
  });
  return found;
}
