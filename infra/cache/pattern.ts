/** A pattern of keys, in which `*` stands for any characters. */
export interface KeyPattern {
  matches(key: string): boolean;
  /** As Redis' `MATCH` wants it. */
  readonly glob: string;
}

export function keyPattern(text: string): KeyPattern {
  // Each further star in a row says nothing new, and costs Redis dearly.
  const parts = text.replace(/\*+/g, '*').split('*');
  return {
    matches: (key) => matchesParts(key, parts),
    glob: parts.map((part) => part.replace(/[\\?[\]]/g, '\\$&')).join('*'),
  };
}

/** In linear time but for the lengths of the parts, whatever the pattern. */
function matchesParts(key: string, parts: readonly string[]): boolean {
  const [first = '', ...rest] = parts;
  const last = rest.pop();
  if (last === undefined) return key === first;
  if (!key.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = key.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return key.length - last.length >= at && key.endsWith(last);
}
