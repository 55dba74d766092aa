import { fromUuid } from '../../../core/ids';
import type { WebhooksConfig } from '../config';
import { dueLevels, type EscalationTimes, type ProbeTimes, probeDelayMs } from '../rules/circuit';
import { type Circuit, type CircuitState, hasIncident } from '../store/circuits';

/** Where an endpoint's circuit stands, for its workflow and for people. */
export interface RecoveryReport {
  state: CircuitState;
  /** Whether a probe is under way. */
  probing: boolean;
  paused: boolean;
  incidentId: string | null;
  /** When it opened (RFC 3339). */
  since: string | null;
  reason: string | null;
  lastError: string | null;
  /** Probes that have failed. */
  probes: number;
  /** Deliveries that are held, counted up to 10,000. */
  held: number;
  /** Dead letters that recover with their endpoint, counted up to 10,000; absent in reports of earlier versions. */
  deadLetters?: number;
  /** When the next probe is due (RFC 3339); null when none is. */
  nextProbeAt: string | null;
  /** Milliseconds until it is worth to look again. */
  nextInMs: number;
  /** Who was told that it lasts. */
  escalated: string[];
  /** Whether somebody is to be told now. */
  escalate: boolean;
  /** Deliveries a second while it drains. */
  drainRate: number;
}

/** How often an incident is looked at whose probes are stopped. */
const PAUSED_LOOK_MS = 60_000;
const SOON_MS = 100;

export function probeTimes(config: WebhooksConfig): ProbeTimes {
  return { firstMs: config.WAYBILL_CIRCUIT_FIRST_PROBE, longestMs: config.WAYBILL_CIRCUIT_LONGEST_PROBE };
}

/** When each level is told; one that is not configured never. */
export function escalationTimes(config: WebhooksConfig): EscalationTimes {
  const never = Number.POSITIVE_INFINITY;
  return {
    webhook: config.WAYBILL_ESCALATE_WEBHOOK_AFTER,
    slack: config.WAYBILL_SLACK_URL === undefined ? never : config.WAYBILL_ESCALATE_SLACK_AFTER,
    sms: config.WAYBILL_SMS_URL === undefined ? never : config.WAYBILL_ESCALATE_SMS_AFTER,
  };
}

/** How long to wait after one more probe has failed. */
export function nextProbeMs({ probes }: Pick<Circuit, 'probes'>, config: WebhooksConfig): number {
  return probeDelayMs(probes + 1, probeTimes(config));
}

/** The report of a circuit. @param waiting - deliveries that are held, and dead letters that recover with their endpoint */
export function recoveryReport(
  circuit: Circuit,
  waiting: { held: number; deadLetters: number },
  config: WebhooksConfig,
): RecoveryReport {
  const open = circuit.state === 'open';
  const { due, nextInMs } = dueLevels(circuit.openForMs, escalationTimes(config), circuit.escalated);
  const probing = open && circuit.probingForMs !== undefined;
  const untilLook = circuit.paused ? PAUSED_LOOK_MS : (circuit.probingForMs ?? circuit.nextProbeInMs);
  const untilNext = Math.min(untilLook, nextInMs ?? Number.POSITIVE_INFINITY);
  const planned = open && !circuit.paused && !probing;
  // Without an incident of its own it shows none: the last one is over.
  const shown = circuit.state === 'draining' && !hasIncident(circuit) ? undefined : circuit;
  return {
    state: circuit.state,
    probing,
    paused: circuit.paused,
    incidentId: shown?.incident === undefined ? null : fromUuid('inc', shown.incident),
    since: shown?.openedAt?.toISOString() ?? null,
    reason: shown?.reason ?? null,
    lastError: shown?.lastError ?? null,
    probes: shown?.probes ?? 0,
    ...waiting,
    nextProbeAt: planned ? (circuit.nextProbeAt?.toISOString() ?? null) : null,
    nextInMs: Math.max(SOON_MS, Math.ceil(untilNext)),
    escalated: shown?.escalated ?? [],
    escalate: open && due.length > 0,
    drainRate: circuit.drainRate,
  };
}
