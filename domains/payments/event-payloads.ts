import { z } from 'zod';
import { amountText, currencyText, idText, momentText } from '../../core/wire-fields';
import type { EventPayloads } from '../webhooks';
import { CHARGEBACK_STATES } from './rules/chargeback-states';
import { PAYMENT_STATES } from './rules/payment-states';
import { REFUND_STATES } from './rules/refund-states';

const payment = z
  .object({
    paymentId: idText('pay').meta({ description: 'The payment.' }),
    orderId: idText('ord').meta({ description: 'The order that it pays.' }),
    merchantId: idText('mer').meta({ description: 'Whose order it is.' }),
    amount: amountText.meta({ description: 'What was asked for, in minor units.' }),
    currency: currencyText,
    state: z.enum(PAYMENT_STATES).meta({ description: 'Its state when the event was made.' }),
    declineCode: z.string().nullable().meta({ description: 'Why it was not captured.', example: null }),
    providerSays: z
      .object({
        chargeId: z.string().meta({ description: "The provider's id of the charge.", example: 'ch_1' }),
        state: z
          .enum(['authorised', 'captured', 'voided', 'declined'])
          .meta({ description: 'The state of the charge at the provider.' }),
        amount: amountText.meta({ description: 'What the provider authorised or took, in minor units.' }),
        currency: currencyText,
      })
      .nullable()
      .meta({
        description: 'What the provider holds that is not what was asked for; a reason for review.',
        example: null,
      }),
    capturedAmount: amountText.nullable().meta({ description: 'What was captured; null until then.' }),
    fee: amountText.nullable().meta({ description: 'What the merchant pays for it.', example: '388' }),
    feeTax: amountText.nullable().meta({ description: 'Tax on the fee.', example: '0' }),
    capturedAt: momentText.nullable().meta({ description: 'When it was captured; null until then.' }),
  })
  .meta({ id: 'PaymentEventData' });

const refund = z
  .object({
    refundId: idText('ref').meta({ description: 'The refund.' }),
    paymentId: idText('pay').meta({ description: 'The payment that it gives back.' }),
    amount: amountText.meta({ description: 'What was asked for, in minor units.' }),
    currency: currencyText,
    state: z.enum(REFUND_STATES).meta({ description: 'Its state when the event was made.' }),
    failureCode: z.string().nullable().meta({ description: 'Why it failed or needs review.', example: null }),
    refundedAmount: amountText.meta({ description: 'What has gone back, in minor units.' }),
    providerSays: z
      .array(
        z.object({
          refundId: z.string().meta({ description: "The provider's id of the refund.", example: 're_1' }),
          reference: z.string().meta({ description: 'The reference that the provider has for it.' }),
          state: z
            .enum(['pending', 'succeeded', 'failed'])
            .meta({ description: 'The state of the refund at the provider.' }),
          amount: amountText.meta({ description: 'What goes back by it, in minor units.' }),
          currency: currencyText.nullable(),
        }),
      )
      .nullable()
      .meta({
        description: 'What the provider has that is not what was asked for; a reason for review.',
        example: null,
      }),
    feeReturned: amountText.nullable().meta({ description: 'What of the fee the merchant gets back.' }),
    feeTaxReturned: amountText.nullable().meta({ description: 'What of the tax on it.' }),
    refundedAt: momentText.nullable().meta({ description: 'When it went back; null until then.' }),
  })
  .meta({ id: 'RefundEventData' });

const chargeback = z
  .object({
    chargebackId: idText('cbk').meta({ description: 'The chargeback.' }),
    paymentId: idText('pay').meta({ description: 'The disputed payment.' }),
    providerReference: z.string().meta({ description: "The provider's id of the dispute.", example: 'dp_1' }),
    amount: amountText.meta({ description: 'What is disputed, in minor units.' }),
    currency: currencyText,
    reason: z.string().meta({ description: "The bank's reason.", example: 'fraudulent' }),
    state: z.enum(CHARGEBACK_STATES).meta({ description: 'Its state when the event was made.' }),
    takenAmount: amountText.meta({ description: 'What is taken from the merchant by now, without the fee.' }),
    reviewCode: z.string().nullable().meta({ description: 'Why it needs review.', example: null }),
    providerSays: z
      .object({
        type: z
          .enum(['chargeback.opened', 'chargeback.won', 'chargeback.lost'])
          .meta({ description: 'What was reported.' }),
        amount: amountText.meta({ description: 'About how much, in minor units.' }),
        currency: currencyText,
        at: momentText.meta({ description: 'When it happened.' }),
      })
      .nullable()
      .meta({ description: 'What the provider reported that does not fit.', example: null }),
    fee: amountText.nullable().meta({ description: 'What the merchant pays for it.', example: '1500' }),
    feeTax: amountText.nullable().meta({ description: 'Tax on the fee.', example: '0' }),
    occurredAt: momentText.meta({ description: 'When it was opened at the bank.' }),
  })
  .meta({ id: 'ChargebackEventData' });

/** What the domain's events say, by type. */
export const PAYMENT_EVENTS = {
  'payment.captured': { summary: 'A payment is captured: the money is there', data: payment },
  'payment.declined': { summary: 'A payment is declined; `declineCode` says why', data: payment },
  'payment.failed': { summary: 'A payment failed, and no money was taken', data: payment },
  'payment.needs_review': { summary: 'Somebody has to check whether money was taken', data: payment },
  'refund.succeeded': { summary: 'Money has gone back', data: refund },
  'refund.failed': { summary: 'A refund failed, and no money has gone back', data: refund },
  'refund.needs_review': { summary: 'Somebody has to check whether money has gone back', data: refund },
  'refund.written_off': { summary: 'The business bears what went back otherwise than asked for', data: refund },
  'chargeback.opened': { summary: 'The bank has taken disputed money', data: chargeback },
  'chargeback.won': { summary: 'The dispute is won: the money is back', data: chargeback },
  'chargeback.partly_won': { summary: 'A part of the disputed money is back', data: chargeback },
  'chargeback.lost': { summary: 'The dispute is lost: the money is gone for good', data: chargeback },
  'chargeback.dismissed': { summary: 'A person found that there is no such chargeback', data: chargeback },
  'chargeback.needs_review': { summary: 'What the provider reports of a dispute does not fit', data: chargeback },
} as const satisfies EventPayloads;

export type PaymentEventType = keyof typeof PAYMENT_EVENTS;

/** What an event of this type says. */
export type PaymentEventData<T extends PaymentEventType> = z.input<(typeof PAYMENT_EVENTS)[T]['data']>;
