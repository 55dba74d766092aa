/**
 * Every subscription pattern that an event type matches: itself, `prefix.*` for each of its prefixes, and `*`.
 * `order.item.added` matches `order.item.added`, `order.item.*`, `order.*` and `*`.
 */
export function matchingPatterns(eventType: string): string[] {
  const patterns = [eventType];
  for (let dot = eventType.lastIndexOf('.'); dot > 0; dot = eventType.lastIndexOf('.', dot - 1)) {
    patterns.push(`${eventType.slice(0, dot)}.*`);
  }
  patterns.push('*');
  return patterns;
}
