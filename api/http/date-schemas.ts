import { z } from 'zod';
import { isDate } from '../../core/calendar-date';

/** A calendar date. */
export const dateSchema = z
  .string()
  .refine(isDate, 'expected a date that exists, such as 2026-10-29')
  .meta({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', format: 'date', example: '2026-10-29' });
