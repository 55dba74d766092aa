import { z } from 'zod';
import { count, duration } from '../../infra/config/fields';

export const inboundConfig = z.object({
  WAYBILL_INBOUND_BLOCK_AFTER: count(
    20,
    1_000_000,
    'refused inbound webhooks of one address at one source after which it is blocked there',
  ),
  WAYBILL_INBOUND_BLOCK_WINDOW: duration('5m', 'the time within which so many block it'),
  WAYBILL_INBOUND_BLOCK_FOR: duration('15m', 'how long it is blocked'),
  WAYBILL_INBOUND_SWEEP_GRACE: duration(
    '15s',
    'how late the processing of an inbound event may be before the sweep gives it to a workflow',
  ),
});

export type InboundConfig = z.output<typeof inboundConfig>;
