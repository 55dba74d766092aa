import type { Commands } from '../../approvals';
import { carryOutChargeback, RESOLVE_CHARGEBACK } from '../chargebacks/carry-out-chargeback';
import type { PaymentDeps } from '../deps';
import { carryOutPaymentResolution } from '../paying/carry-out-resolution';
import { RESOLVE_PAYMENT } from '../paying/payment-resolution';
import { carryOutRefund, RESOLVE_REFUND } from '../refunding/carry-out-refund';
import { reversalCommands } from '../reverse-transaction';
import { carriesOut } from './review';

/** The commands that end a review or reverse what was posted by hand, by their actions. */
export function paymentCommands(deps: PaymentDeps): Commands {
  return {
    ...reversalCommands(),
    [RESOLVE_PAYMENT]: carriesOut(deps, carryOutPaymentResolution),
    [RESOLVE_CHARGEBACK]: carriesOut(deps, carryOutChargeback),
    [RESOLVE_REFUND]: carriesOut(deps, carryOutRefund),
  };
}
