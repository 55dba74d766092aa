import type { ArrivalsReport } from '../kit/arrivals';
import { percentile } from '../kit/statistics';
import type { Acknowledged } from './steady-load';

/** Recovered: over this long, nearly every message was received this soon after it was due. */
const WINDOW_MS = 1_000;
const SHARE = 0.95;
const SOON_MS = 1_000;

/** What was sent and what came of it, around a fault. Moments are of one clock, in milliseconds. */
export interface Outage {
  /** When what was killed was started again. */
  from: number;
  /** When the load stopped. */
  until: number;
  sent: { beganAt: number; perSecond: number };
  acknowledged: readonly Acknowledged[];
  arrivals: ArrivalsReport;
}

/**
 * How long after `from` the load's messages were again accepted and received within a second at p95, over a second's
 * worth of them.
 *
 * @returns milliseconds; undefined if that did not happen while the load ran
 */
export function recoveredAfterMs({ from, until, sent, acknowledged, arrivals }: Outage): number | undefined {
  const interval = 1_000 / sent.perSecond;
  const acknowledgedAt = new Map(acknowledged.map((message) => [message.sequence, message.acknowledgedAt]));
  const delayOf = (sequence: number) => {
    const receivedAt = arrivals.firstAt[sequence] ?? 0;
    const acceptedAt = acknowledgedAt.get(sequence);
    if (receivedAt === 0 || acceptedAt === undefined) return Number.POSITIVE_INFINITY;
    return Math.max(receivedAt, acceptedAt) - (sent.beganAt + sequence * interval);
  };
  const count = Math.round(WINDOW_MS / interval);
  const first = Math.max(0, Math.ceil((from - sent.beganAt) / interval));
  const last = Math.floor((until - sent.beganAt) / interval) - count;
  for (let start = first; start <= last; start++) {
    const delays = Array.from({ length: count }, (_, index) => delayOf(start + index));
    if (percentile(delays, SHARE) < SOON_MS) return sent.beganAt + start * interval - from;
  }
  return undefined;
}
