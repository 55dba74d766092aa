import { z } from 'zod';
import { parseMinorUnits } from '../../core/money';
import { setting } from '../../infra/config/fields';

export const approvalsConfig = z.object({
  WAYBILL_REVIEW_FOUR_EYES_FROM: setting(
    z
      .string()
      .transform((text, ctx) => {
        const amount = parseMinorUnits(text);
        if (amount !== undefined && amount >= 0n) return amount;
        ctx.addIssue({ code: 'custom', message: 'expected minor units, such as 100000 for 1,000.00 EUR' });
        return z.NEVER;
      })
      .optional(),
    'amount in minor units of any currency from which a second API key has to approve how a review is ended, what corrects a settled day, and an adjustment by hand; without it none',
  ),
});

export type ApprovalsConfig = z.output<typeof approvalsConfig>;
