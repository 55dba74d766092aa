import { carryOutChargeback, RESOLVE_CHARGEBACK } from '../chargebacks/carry-out-chargeback';
import { carryOutPaymentResolution } from '../paying/carry-out-resolution';
import { RESOLVE_PAYMENT } from '../paying/payment-resolution';
import { carryOutRefund, RESOLVE_REFUND } from '../refunding/carry-out-refund';
import type { CarryOut } from './review-command';

/** What carries out each command, by its action. */
export const REVIEW_COMMANDS: Readonly<Record<string, CarryOut>> = {
  [RESOLVE_PAYMENT]: carryOutPaymentResolution,
  [RESOLVE_CHARGEBACK]: carryOutChargeback,
  [RESOLVE_REFUND]: carryOutRefund,
};
