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

/** A provider whose refunds are always made at once, in the charge's currency, need not say so. */
export const refundSchema = z
  .object({
    id: text,
    reference: text,
    state: z.enum(['pending', 'succeeded', 'failed']).default('succeeded'),
    amount,
    currency: text.nullish(),
    failure_code: text.nullish(),
    created_at: moment,
  })
  .transform(({ created_at, currency, failure_code, ...refund }) => ({
    ...refund,
    currency: currency ?? undefined,
    code: failure_code ?? undefined,
    at: created_at,
  }));

export const refundsSchema = z.object({ data: z.array(refundSchema).max(100) });

export const errorSchema = z.object({ error: z.object({ code: text }) });

const disputeData = z.object({
  /** The provider's id of the dispute. */
  id: text,
  /** Our reference of the charge. */
  charge_reference: text,
  /** What is in dispute; for one that was won, what comes back. */
  amount: amount.refine((units) => units > 0n),
  currency: text,
  reason: text,
  occurred_at: moment,
});

const refundData = z.object({
  /** The provider's id of the refund. */
  id: text,
  /** Our reference of it. */
  reference: text,
  amount,
  currency: text,
  failure_code: text.nullish(),
  occurred_at: moment,
});

/** What the provider tells us unasked. Unknown types are meant for others, or belong to later versions. */
export const callbackSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('chargeback.opened'), data: disputeData }),
  z.object({ type: z.literal('chargeback.won'), data: disputeData }),
  z.object({ type: z.literal('chargeback.lost'), data: disputeData }),
  z.object({ type: z.literal('refund.succeeded'), data: refundData }),
  z.object({ type: z.literal('refund.failed'), data: refundData }),
]);

export type Callback = z.output<typeof callbackSchema>;
export type DisputeCallback = Extract<Callback, { type: `chargeback.${string}` }>;
export type RefundCallback = Extract<Callback, { type: `refund.${string}` }>;

/** The types that are known. */
export const CALLBACK_TYPES: ReadonlySet<string> = new Set(
  callbackSchema.options.flatMap(({ shape }) => [...shape.type.values]),
);
