import { z } from 'zod';
import { idText, momentText } from '../../../core/wire-fields';
import { DEFAULT_CIRCUIT, type RecoveryReport } from '../../../domains/webhooks';

const enabled = z.boolean().meta({ description: 'False to attempt every delivery whatever the endpoint answers.' });
const consecutiveFailures = z
  .int()
  .min(1)
  .max(1_000)
  .meta({ description: 'Opens after so many failed attempts in a row.' });
const failureRatio = z
  .number()
  .min(0.01)
  .max(1)
  .meta({ description: 'Opens when this share of the attempts of a window has failed.' });
const windowSeconds = z.int().min(1).max(3_600).meta({ description: 'How long a window is.' });
const minimumAttempts = z
  .int()
  .min(1)
  .max(100_000)
  .meta({ description: 'How many attempts a window needs to count by its share of failures.' });
const drainPerSecond = z
  .int()
  .min(1)
  .max(10_000)
  .meta({ description: 'How many held deliveries a second are let go once the endpoint works again.' });

export const CIRCUIT_DESCRIPTION = 'When the circuit of the endpoint opens, so that its deliveries are held.';

/** A setting that is left out has its default. */
export const circuitSettingsSchema = z
  .strictObject({
    enabled: enabled.default(DEFAULT_CIRCUIT.enabled),
    consecutiveFailures: consecutiveFailures.default(DEFAULT_CIRCUIT.consecutiveFailures),
    failureRatio: failureRatio.default(DEFAULT_CIRCUIT.failureRatio),
    windowSeconds: windowSeconds.default(DEFAULT_CIRCUIT.windowSeconds),
    minimumAttempts: minimumAttempts.default(DEFAULT_CIRCUIT.minimumAttempts),
    drainPerSecond: drainPerSecond.default(DEFAULT_CIRCUIT.drainPerSecond),
  })
  .meta({ id: 'CircuitSettings', description: CIRCUIT_DESCRIPTION, example: { ...DEFAULT_CIRCUIT } });

/** A setting that is left out stays. */
export const circuitChangeSchema = z
  .strictObject({
    enabled: enabled.optional(),
    consecutiveFailures: consecutiveFailures.optional(),
    failureRatio: failureRatio.optional(),
    windowSeconds: windowSeconds.optional(),
    minimumAttempts: minimumAttempts.optional(),
    drainPerSecond: drainPerSecond.optional(),
  })
  .meta({ id: 'CircuitSettingsChange', description: CIRCUIT_DESCRIPTION, example: { consecutiveFailures: 25 } });

export const circuitSettingsView = z
  .object({ enabled, consecutiveFailures, failureRatio, windowSeconds, minimumAttempts, drainPerSecond })
  .meta({ id: 'CircuitSettingsInUse', description: CIRCUIT_DESCRIPTION, example: { ...DEFAULT_CIRCUIT } });

const STATES = ['closed', 'open', 'half-open', 'draining'] as const;

export const circuitSchema = z
  .object({
    state: z.enum(STATES).meta({
      description:
        '`closed`: deliveries are attempted. `open`: they are held, or go to `fallbackUrl`. `half-open`: the same, and one ' +
        'of them is being tried. `draining`: new ones are attempted, and those that were held are let go, then dead letters.',
    }),
    paused: z.boolean().meta({ description: 'Whether probes are stopped by command.' }),
    incidentId: idText('inc').nullable().meta({ description: 'The present incident, or the last one.' }),
    since: momentText.nullable().meta({ description: 'When it began.' }),
    reason: z
      .string()
      .nullable()
      .meta({ description: '`consecutive-failures` or `failure-ratio`.', example: 'consecutive-failures' }),
    lastError: z.string().nullable().meta({ description: 'How its last attempt failed.', example: 'http-503' }),
    probes: z.int().meta({ description: 'Probes of the incident that have failed.', example: 3 }),
    nextProbeAt: momentText.nullable().meta({ description: 'When the next is due; null when none is planned.' }),
    held: z.int().meta({ description: 'Deliveries that are held, counted up to 10,000.', example: 420 }),
    deadLetters: z
      .int()
      .meta({ description: 'Dead letters that recover with the endpoint, counted up to 10,000.', example: 12 }),
    drainRate: z.int().meta({ description: 'Deliveries a second that are let go while it drains.', example: 200 }),
    escalated: z
      .array(z.string())
      .meta({ description: 'Who was told of the incident: `webhook`, `slack`, `sms`.', example: ['webhook'] }),
  })
  .meta({ id: 'Circuit' });

export const drainSchema = z
  .strictObject({ rate: drainPerSecond.meta({ description: 'Deliveries a second.' }) })
  .meta({ id: 'DrainRate', example: { rate: 50 } });

/** A circuit as answers show it. */
export function circuitView(report: RecoveryReport): z.input<typeof circuitSchema> {
  const { paused, incidentId, since, reason, lastError, probes, nextProbeAt, held, drainRate, escalated } = report;
  const { deadLetters = 0 } = report;
  return {
    state: report.state === 'open' && report.probing ? 'half-open' : report.state,
    paused,
    incidentId,
    since,
    reason,
    lastError,
    probes,
    nextProbeAt,
    held,
    deadLetters,
    drainRate,
    escalated,
  };
}
