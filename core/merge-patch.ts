/** JSON Merge Patch (RFC 7396) for a map of strings: given entries are set, null removes one, the others stay. */
export function mergeMap(
  map: Readonly<Record<string, string>>,
  change: Readonly<Record<string, string | null>>,
): Record<string, string> {
  const merged = new Map(Object.entries(map));
  for (const [name, content] of Object.entries(change)) {
    if (content === null) merged.delete(name);
    else merged.set(name, content);
  }
  return Object.fromEntries(merged);
}
