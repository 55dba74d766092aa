import { carryOutPaymentResolution } from '../paying/carry-out-resolution';
import { RESOLVE_PAYMENT } from '../paying/payment-resolution';
import type { CarryOut } from './review-command';

/** What carries out each command, by its action. */
export const REVIEW_COMMANDS: Readonly<Record<string, CarryOut>> = {
  [RESOLVE_PAYMENT]: carryOutPaymentResolution,
};
