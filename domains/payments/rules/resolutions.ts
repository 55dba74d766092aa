import { z } from 'zod';
import { parseMinorUnits } from '../../../core/money';

/** An amount in a stored command: a decimal string of minor units. */
const amount = z.codec(z.string(), z.bigint(), {
  decode: (text, ctx) => {
    const units = parseMinorUnits(text);
    if (units !== undefined) return units;
    ctx.issues.push({ code: 'custom', message: 'expected minor units', input: text });
    return z.NEVER;
  },
  encode: (units) => units.toString(),
});

/** What a person says a chargeback comes to. */
export const CHARGEBACK_RESOLUTIONS = z.strictObject({
  as: z.enum(['posted', 'won', 'lost', 'dismissed']),
  /** What is taken from the merchant (`posted`, `lost`), or what comes back (`won`); by default all. */
  amount: amount.optional(),
  reason: z.string(),
});

export type ChargebackResolution = z.output<typeof CHARGEBACK_RESOLUTIONS>;

/** What a person says became of a refund. */
export const REFUND_RESOLUTIONS = z.strictObject({
  as: z.enum(['refunded', 'not_refunded', 'written_off']),
  /** What went back, or what the business bears itself; by default what was asked for. */
  amount: amount.optional(),
  /** The provider's name for it. */
  providerReference: z.string().optional(),
  reason: z.string(),
});

export type RefundResolution = z.output<typeof REFUND_RESOLUTIONS>;
