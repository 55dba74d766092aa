import { z } from 'zod';
import { isCardNumber } from '../../core/card-numbers';
import { PAYMENT_STATES, type Payment, type PaymentResolution } from '../../domains/payments';
import { followQuery } from '../http/cursor';
import { freeText } from '../http/free-text';
import { amountText, singleAmountSchema } from '../http/money-schemas';
import { idSchema, moment, momentOrNull, momentText, nonEmptyText, pageQuery, pageSchema } from '../http/schemas';

export const sourceSchema = z
  .discriminatedUnion('type', [
    z
      .strictObject({
        type: z.literal('card'),
        token: z
          .string()
          .regex(/^[A-Za-z0-9_-]{1,200}$/, 'expected 1 to 200 letters, digits, "_" or "-"')
          .refine(
            (token) => !isCardNumber(token),
            "is a card number: never send one here, send the provider's token for it",
          )
          .meta({ description: "The provider's token for the card. Never a card number.", example: 'tok_ok' }),
      })
      .meta({ id: 'CardSource' }),
    z.strictObject({ type: z.literal('wallet'), walletId: idSchema('wal') }).meta({ id: 'WalletSource' }),
  ])
  .meta({ description: "A card, by the provider's token for it, or a wallet." });

const example = { source: { type: 'card' as const, token: 'tok_ok' } };

export const payOrderSchema = z.strictObject({ source: sourceSchema }).meta({ id: 'PayOrder', example });

export const newPaymentSchema = z
  .strictObject({ orderId: idSchema('ord'), source: sourceSchema })
  .meta({ id: 'NewPayment', example: { orderId: 'ord_019e0c7b5d0e7cc2a7b1f30d1f2a9c11', ...example } });

const providerSaysSchema = z.object({
  chargeId: z.string(),
  state: z.enum(['authorised', 'captured', 'voided', 'declined']),
  amount: amountText,
  currency: z.string(),
});

export const paymentSchema = z
  .object({
    id: idSchema('pay'),
    orderId: idSchema('ord'),
    merchantId: idSchema('mer'),
    amount: amountText,
    currency: z.string(),
    source: z.object({ type: z.enum(['card', 'wallet']), walletId: idSchema('wal').optional() }),
    state: z.enum(PAYMENT_STATES).meta({
      description:
        '`declined`: by the card or for lack of money; `voided`: authorised, then released; `failed`: nothing was ' +
        'taken; `needs_review`: somebody has to check whether money was taken.',
    }),
    declineCode: z.string().nullable().meta({ description: 'Why it was not captured.' }),
    providerReference: z.string().nullable(),
    capturedAt: momentText.nullable(),
    capturedAmount: amountText.nullable().meta({ description: 'What was captured; null until then.' }),
    providerSays: providerSaysSchema.nullable().meta({
      description: 'What the provider holds that is not what was asked for; a reason for review.',
    }),
    fee: amountText.nullable().meta({ description: 'What the merchant pays for it; fixed at the capture.' }),
    feeTax: amountText.nullable(),
    feeScheduleId: idSchema('fee').nullable(),
    refundedAmount: amountText,
    workflowId: z.string(),
    workflowUrl: z.string().meta({ description: 'Its page in Temporal Web UI.' }),
    createdAt: momentText,
    updatedAt: momentText,
  })
  .meta({ id: 'Payment' });

export const paymentPageSchema = pageSchema('PaymentPage', paymentSchema);
export const paymentParams = z.object({ id: idSchema('pay') });
export const paymentQuery = z.strictObject({
  ...pageQuery,
  ...followQuery,
  state: z.enum(PAYMENT_STATES).optional(),
  orderId: idSchema('ord').optional(),
});

/** A payment as answers show it: without the card's token. */
export function paymentView(
  payment: Payment,
  workflowUrl: (workflowId: string) => string,
): z.input<typeof paymentSchema> {
  const { source } = payment;
  return {
    id: payment.id,
    orderId: payment.orderId,
    merchantId: payment.merchantId,
    amount: payment.amount.toString(),
    currency: payment.currency,
    source: source.type === 'card' ? { type: 'card' } : { type: 'wallet', walletId: source.walletId },
    state: payment.state,
    declineCode: payment.declineCode ?? null,
    providerReference: payment.providerReference ?? null,
    capturedAt: momentOrNull(payment.capturedAt),
    capturedAmount: payment.capturedAmount?.toString() ?? null,
    providerSays: payment.providerSays ?? null,
    fee: payment.fee?.fee.toString() ?? null,
    feeTax: payment.fee?.tax.toString() ?? null,
    feeScheduleId: payment.feeScheduleId ?? null,
    refundedAmount: payment.refundedAmount.toString(),
    workflowId: payment.workflowId,
    workflowUrl: workflowUrl(payment.workflowId),
    createdAt: moment(payment.createdAt),
    updatedAt: moment(payment.updatedAt),
  };
}

const note = freeText(500).meta({
  description: 'How you know; for the audit log.',
  example: 'Statement of 26 Nov',
});
const chargeId = nonEmptyText(200).meta({ description: "The provider's id of the charge.", example: 'ch_1' });

export const resolvePaymentSchema = z
  .discriminatedUnion('as', [
    z
      .strictObject({ as: z.literal('captured'), amount: singleAmountSchema(1n), chargeId, note })
      .meta({ id: 'ResolveAsCaptured', description: 'The provider took this amount, all or a part of the payment.' }),
    z
      .strictObject({ as: z.enum(['voided', 'refunded_outside']), note })
      .meta({ id: 'ResolveAsNotTaken', description: 'The provider holds nothing for it, or gave it back.' }),
    z
      .strictObject({
        as: z.literal('written_off'),
        amount: singleAmountSchema(0n),
        chargeId: chargeId.optional(),
        note,
      })
      .meta({
        id: 'ResolveAsWrittenOff',
        description:
          'The provider took this amount; the merchant gets the whole payment, and the business bears the rest.',
      }),
  ])
  .meta({
    id: 'ResolvePayment',
    example: { as: 'captured', amount: '6000', chargeId: 'ch_1', note: 'Statement of 26 November' },
  });

/** What a person says about a payment. */
export function resolutionOf(body: z.output<typeof resolvePaymentSchema>): PaymentResolution {
  if (body.as === 'captured') return { as: body.as, amount: body.amount, chargeId: body.chargeId };
  if (body.as === 'written_off') return { as: body.as, amount: body.amount, chargeId: body.chargeId };
  return { as: body.as };
}
