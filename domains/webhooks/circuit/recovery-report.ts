import { fromUuid } from '../../../core/ids';
import type { WebhooksConfig } from '../config';
import { dueLevels, type EscalationTimes, type ProbeTimes, probeDelayMs } from '../rules/circuit';
import type { Circuit, CircuitState } from '../store/circuits';

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

/** The report of a circuit. @param held - deliveries that are held */
export function recoveryReport(circuit: Circuit, held: number, config: WebhooksConfig): RecoveryReport {
  const open = circuit.state === 'open';
  const { due, nextInMs } = dueLevels(circuit.openForMs, escalationTimes(config), circuit.escalated);
  const probing = open && circuit.probingForMs !== undefined;
  const untilLook = circuit.paused ? PAUSED_LOOK_MS : (circuit.probingForMs ?? circuit.nextProbeInMs);
  const untilNext = Math.min(untilLook, nextInMs ?? Number.POSITIVE_INFINITY);
  const planned = open && !circuit.paused && !probing;
  return {
    state: circuit.state,
    probing,
    paused: circuit.paused,
    incidentId: circuit.incident === undefined ? null : fromUuid('inc', circuit.incident),
    since: circuit.openedAt?.toISOString() ?? null,
    reason: circuit.reason ?? null,
    lastError: circuit.lastError ?? null,
    probes: circuit.probes,
    held,
    nextProbeAt: planned ? (circuit.nextProbeAt?.toISOString() ?? null) : null,
    nextInMs: Math.max(SOON_MS, Math.ceil(untilNext)),
    escalated: circuit.escalated,
    escalate: open && due.length > 0,
    drainRate: circuit.drainRate,
  };
}
