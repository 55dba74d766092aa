/** Where deliveries may be that are replayed: `dead` has an open dead letter, that of `discarded` was discarded. */
export const REPLAYABLE_STATES = ['dead', 'discarded', 'cancelled', 'retrying', 'delivered'] as const;
export type ReplayableState = (typeof REPLAYABLE_STATES)[number];

/** What a replay is about, as it was asked for. */
export interface ReplayFilter {
  states: ReplayableState[];
  /** Exact types, `prefix.*` or `*`; empty for all. */
  eventTypes: string[];
  /** RFC 3339. */
  since?: string | undefined;
  until?: string | undefined;
  /** Of dead letters only. */
  reason?: string | undefined;
  statusClass?: 'none' | '1xx' | '2xx' | '3xx' | '4xx' | '5xx' | undefined;
}

/** The event types of a filter as statements take them; undefined for all. */
export function typesOf({
  eventTypes,
}: Pick<ReplayFilter, 'eventTypes'>): { exact: string[]; prefixes: string[] } | undefined {
  if (eventTypes.length === 0 || eventTypes.includes('*')) return undefined;
  const patterns = eventTypes.filter((type) => type.endsWith('.*'));
  return {
    exact: eventTypes.filter((type) => !type.endsWith('.*')),
    prefixes: patterns.map((pattern) => pattern.slice(0, -1)),
  };
}

/** Deliveries of an endpoint that wait for their first attempt: at the start, at the least, and at most. */
export const LEAST_WAITING = 50;
const MOST_WAITING = 2_000;
const SLOW_AFTER_MS = 2_000;

/**
 * How many may wait now: twice as many when hardly any do, half as many when the endpoint did not take them in two seconds.
 * New deliveries of the endpoint wait behind them, so an endpoint that is slow gets few at once.
 */
export function nextMostWaiting(most: number, waiting: number, sinceLastMs: number): number {
  if (waiting <= most / 4) return Math.min(MOST_WAITING, most * 2);
  if (waiting > (most * 3) / 4 && sinceLastMs >= SLOW_AFTER_MS) return Math.max(LEAST_WAITING, Math.floor(most / 2));
  return most;
}
