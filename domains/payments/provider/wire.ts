import { z } from 'zod';
import { parseMinorUnits } from '../../../core/money';

/** The provider's JSON: snake case, amounts as decimal strings of minor units. */

const amount = z.string().transform((text, ctx) => {
  const units = parseMinorUnits(text);
  if (units !== undefined) return units;
  ctx.addIssue({ code: 'custom', message: 'expected minor units' });
  return z.NEVER;
});
const moment = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
// The database cannot store NUL.
const text = z
  .string()
  .min(1)
  .max(200)
  .refine((value) => !value.includes('\0'));

export const chargeSchema = z
  .object({
    id: text,
    reference: text,
    state: z.enum(['authorised', 'captured', 'voided', 'declined']),
    amount,
    currency: text,
    decline_code: text.nullish(),
    captured_at: moment.nullish(),
  })
  .transform(({ decline_code, captured_at, ...charge }) => ({
    ...charge,
    declineCode: decline_code ?? undefined,
    capturedAt: captured_at ?? undefined,
  }));

export const chargesSchema = z.object({ data: z.array(chargeSchema).max(100) });

export const refundSchema = z
  .object({ id: text, reference: text, amount, created_at: moment })
  .transform(({ created_at, ...refund }) => ({ ...refund, createdAt: created_at }));

export const refundsSchema = z.object({ data: z.array(refundSchema).max(100) });

export const errorSchema = z.object({ error: z.object({ code: text }) });

const callbackData = z.object({
  /** The provider's id of the chargeback. */
  id: text,
  /** Our reference of the charge. */
  charge_reference: text,
  amount: amount.refine((units) => units > 0n),
  currency: text,
  reason: text,
  occurred_at: moment,
});

/** What the provider tells us unasked. Unknown types are meant for others, or belong to later versions. */
export const callbackSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('chargeback.opened'), data: callbackData }),
  z.object({ type: z.literal('chargeback.won'), data: callbackData }),
]);

export type Callback = z.output<typeof callbackSchema>;
