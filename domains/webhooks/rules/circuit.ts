/** When an endpoint's circuit opens. */
export interface CircuitSettings {
  /** False to attempt every delivery whatever the endpoint answers. */
  enabled: boolean;
  /** Opens after so many failures in a row. */
  consecutiveFailures: number;
  /** Opens when this share of the attempts in a window has failed, from 0 to 1 … */
  failureRatio: number;
  /** … of windows of so many seconds … */
  windowSeconds: number;
  /** … in which at least so many attempts were made. */
  minimumAttempts: number;
  /** How many held deliveries a second are let go once it has closed. */
  drainPerSecond: number;
}

/** The settings of endpoints that do not set their own. */
export const DEFAULT_CIRCUIT: Readonly<CircuitSettings> = {
  enabled: true,
  consecutiveFailures: 10,
  failureRatio: 0.7,
  windowSeconds: 60,
  minimumAttempts: 20,
  drainPerSecond: 200,
};

/** What has been counted of an endpoint's attempts, by all processes together. */
export interface CircuitCounters {
  failuresInRow: number;
  /** Attempts in the present window, and how many of them have failed. */
  attempts: number;
  failures: number;
}

/** Why a circuit opens; undefined while it need not. */
export function trippedBy(
  { failuresInRow, attempts, failures }: CircuitCounters,
  settings: CircuitSettings,
): 'consecutive-failures' | 'failure-ratio' | undefined {
  if (!settings.enabled) return undefined;
  if (failuresInRow >= settings.consecutiveFailures) return 'consecutive-failures';
  const enough = failures > 0 && attempts >= settings.minimumAttempts;
  return enough && failures / attempts >= settings.failureRatio ? 'failure-ratio' : undefined;
}

const TOO_MANY_REQUESTS = 429;

/**
 * What an attempt says of its endpoint. `unknown`: nothing, since it was asked to wait, or since nothing was sent.
 *
 * @param error - the attempt's error code; undefined after a success
 */
export function healthOf(error: string | undefined): 'good' | 'bad' | 'unknown' {
  if (error === undefined) return 'good';
  return error === `http-${TOO_MANY_REQUESTS}` || error === 'endpoint-unreadable' ? 'unknown' : 'bad';
}

/** Adds up what a batch of attempts of one endpoint says of it, in the order in which they ended. */
export interface HealthTally {
  attempts: number;
  failures: number;
  /** Failures since the last success of the batch. */
  failuresInRow: number;
}

/** The tally after one more attempt. */
export function tally({ attempts, failures, failuresInRow }: HealthTally, good: boolean): HealthTally {
  return {
    attempts: attempts + 1,
    failures: failures + (good ? 0 : 1),
    failuresInRow: good ? 0 : failuresInRow + 1,
  };
}

/** How long to wait before the next probe. */
export interface ProbeTimes {
  firstMs: number;
  longestMs: number;
}

/**
 * Doubled with every probe that fails, up to the longest.
 *
 * @param failed - probes of this incident that have failed
 * @returns milliseconds
 */
export function probeDelayMs(failed: number, { firstMs, longestMs }: ProbeTimes): number {
  // 2 ** 30 of the shortest is longer than any longest one.
  return Math.min(longestMs, firstMs * 2 ** Math.min(failed, 30));
}

/** Who is told of an incident that lasts, in this order. */
export const ESCALATION_LEVELS = ['webhook', 'slack', 'sms'] as const;
export type EscalationLevel = (typeof ESCALATION_LEVELS)[number];

/** How long an incident may last before each level is told, in milliseconds. */
export type EscalationTimes = Readonly<Record<EscalationLevel, number>>;

/**
 * Who is to be told now, and in how many milliseconds the next one is (undefined when none is left).
 *
 * @param told - who was told already
 */
export function dueLevels(
  openForMs: number,
  times: EscalationTimes,
  told: readonly string[],
): { due: EscalationLevel[]; nextInMs: number | undefined } {
  const due: EscalationLevel[] = [];
  let nextInMs: number | undefined;
  for (const level of ESCALATION_LEVELS) {
    if (told.includes(level)) continue;
    const inMs = times[level] - openForMs;
    if (inMs <= 0) due.push(level);
    else nextInMs = Math.min(nextInMs ?? inMs, inMs);
  }
  return { due, nextInMs };
}
