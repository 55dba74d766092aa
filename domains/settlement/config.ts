import { z } from 'zod';
import { duration } from '../../infra/config/fields';

export const settlementConfig = z.object({
  WAYBILL_SETTLEMENT_WATCH_INTERVAL: duration(
    '1m',
    'how often to look for overdue settlements, and for Schedules to put right',
  ),
  WAYBILL_SETTLEMENT_OVERDUE_AFTER: duration('15m', "how long after a day's end and grace its settlement is overdue"),
  WAYBILL_PAYOUT_OVERDUE_AFTER: duration(
    '7d',
    "how long after its day's end a payout may be in transit before an alarm is raised",
  ),
});

export type SettlementConfig = z.output<typeof settlementConfig>;
