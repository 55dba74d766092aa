import { z } from 'zod';
import { formatDuration } from '../../../core/duration';
import type { Business } from '../../../domains/merchants';
import { dateSchema } from '../../http/date-schemas';
import { durationSchema, durationText, timeZoneSchema } from '../../http/schemas';

const HOUR_MS = 3_600_000;

export const businessChangeSchema = z
  .strictObject({
    timeZone: timeZoneSchema.optional().meta({ example: 'Africa/Cairo', description: "Default: the tenant's." }),
    cutoff: z
      .string()
      .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'expected a local time such as 23:59')
      .optional()
      .meta({ example: '23:59', description: 'Local time at which a business day ends. Default 23:59.' }),
    grace: durationSchema(0, HOUR_MS).optional(),
    refundFeePolicy: z.enum(['keep', 'prorate']).optional(),
    firstDate: dateSchema.optional().meta({
      description:
        'The first business day to settle: by default the current one, at most 366 days away from it. It cannot be ' +
        'changed.',
    }),
  })
  .meta({ id: 'BusinessChange', example: { timeZone: 'Africa/Cairo', cutoff: '23:59' } });

export const businessSchema = z
  .object({
    timeZone: z.string(),
    cutoff: z.string(),
    grace: durationText,
    refundFeePolicy: z.enum(['keep', 'prorate']),
    firstDate: z.string(),
  })
  .meta({ id: 'Business' });

/** A business as answers show it. */
export function businessView(business: Business): z.input<typeof businessSchema> {
  const { timeZone, cutoff, graceMs, refundFeePolicy, firstDate } = business;
  return { timeZone, cutoff, grace: formatDuration(graceMs), refundFeePolicy, firstDate };
}
