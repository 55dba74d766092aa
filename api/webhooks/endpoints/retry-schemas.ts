import { z } from 'zod';
import { formatDuration } from '../../../core/duration';
import { DEFAULT_RETRY_DELAYS_MS } from '../../../domains/webhooks';
import { durationSchema } from '../../http/schemas';

/** The policy of endpoints that do not set one. */
export const DEFAULT_RETRY = retryView(DEFAULT_RETRY_DELAYS_MS);

const MAX_RETRIES = 30;
const DAY_MS = 86_400_000;
const delay = durationSchema(1, 7 * DAY_MS);

const schedule = z
  .strictObject({
    schedule: z
      .array(delay)
      .max(MAX_RETRIES, `must have at most ${MAX_RETRIES} delays`)
      .meta({ description: 'Delays before the second, third … attempt. Empty for no retries.', example: ['5s', '1m'] }),
  })
  .meta({ id: 'RetrySchedule' });

const exponential = z
  .strictObject({
    maxAttempts: z
      .int()
      .min(1)
      .max(MAX_RETRIES + 1)
      .meta({ description: 'Attempts in all, the first included.' }),
    initialInterval: delay.prefault('5s'),
    factor: z.number().min(1).max(10).default(6),
    maxInterval: delay.prefault('12h'),
  })
  .meta({ id: 'RetryPolicy', example: { maxAttempts: 8, initialInterval: '5s', factor: 6, maxInterval: '12h' } });

/**
 * How an endpoint's failed attempts are repeated: a schedule, or an exponential policy that is expanded into one.
 * Parsed to the delays in milliseconds.
 */
export const retrySchema = z
  .union([schedule, exponential], {
    error: 'give either { schedule } or { maxAttempts, initialInterval, factor, maxInterval }',
  })
  .meta({ example: DEFAULT_RETRY })
  .transform((policy) => ('schedule' in policy ? policy.schedule : writeOut(policy)));

function writeOut(policy: z.output<typeof exponential>): number[] {
  return Array.from({ length: policy.maxAttempts - 1 }, (_, index) =>
    Math.round(Math.min(policy.maxInterval, policy.initialInterval * policy.factor ** index)),
  );
}

/** A retry schedule as answers show it; it may be sent back as it is. */
export function retryView(delaysMs: readonly number[]): { schedule: string[] } {
  return { schedule: delaysMs.map(formatDuration) };
}
