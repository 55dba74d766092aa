import { z } from 'zod';
import { count, duration, setting } from '../../infra/config/fields';

const MOST_ROWS = 5_000_000;

export const preferencesConfig = z.object({
  WAYBILL_BULK_SUPPRESSION_MAX_ROWS: count(
    250_000,
    MOST_ROWS,
    'rows that one bulk suppression may have; they have to arrive within four minutes',
  ),
  WAYBILL_BULK_SUPPRESSION_FOUR_EYES_FROM: setting(
    z.coerce
      .number(`expected a whole number from 1 to ${MOST_ROWS}`)
      .int()
      .min(1, `expected a whole number from 1 to ${MOST_ROWS}`)
      .max(MOST_ROWS, `expected a whole number from 1 to ${MOST_ROWS}`)
      .optional(),
    'rows from which a second API key has to approve a bulk suppression that is no dry run; without it none',
  ),
  WAYBILL_BULK_SUPPRESSION_BIG_FROM: count(
    10_000,
    MOST_ROWS,
    'rows from which the metrics call a bulk suppression big',
  ),
  WAYBILL_BULK_SUPPRESSION_RETENTION: duration(
    '30d',
    'how long a bulk suppression that has ended is kept, with its rows',
  ),
  WAYBILL_EXPORT_TTL: duration(
    '24h',
    'how long the export of a subscriber can be downloaded once it is ready; then it is removed',
    31 * 86_400_000,
  ),
});

export type PreferencesConfig = z.output<typeof preferencesConfig>;
