import { carryOutChargeback, RESOLVE_CHARGEBACK } from '../chargebacks/carry-out-chargeback';
import { carryOutRefund, RESOLVE_REFUND } from '../refunding/carry-out-refund';
import type { CarryOut } from './review-command';

/** What carries out each command, by its action. */
export const REVIEW_COMMANDS: Readonly<Record<string, CarryOut>> = {
  [RESOLVE_CHARGEBACK]: carryOutChargeback,
  [RESOLVE_REFUND]: carryOutRefund,
};
