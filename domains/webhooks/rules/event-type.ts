/** Prefix of Waybill's own event types; no tenant may publish them. */
export const RESERVED_EVENT_TYPES = 'waybill.';

/** The type of the test event. */
export const TEST_EVENT_TYPE = `${RESERVED_EVENT_TYPES}test`;

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
