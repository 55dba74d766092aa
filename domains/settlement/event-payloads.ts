import { z } from 'zod';
import type { PublicId } from '../../core/ids';
import { amountText, countText, currencyText, dateText, hashText, idText, momentText } from '../../core/wire-fields';
import type { EventPayloads, OwnEvent } from '../webhooks';

const runId = idText('set').meta({ description: 'The settlement.' });
const date = dateText.meta({ description: 'The business day.' });
const merchantId = idText('mer').meta({ description: 'The merchant.' });

const totals = z
  .object({
    currency: currencyText,
    merchants: z.int().meta({ description: 'How many merchants have a statement in this currency.', example: 12 }),
    grossSales: amountText.meta({ description: 'What was sold, in minor units.' }),
    refunds: amountText.meta({ description: 'What went back to customers.', example: '0' }),
    chargebacks: amountText.meta({ description: 'What banks took back or gave back.', example: '0' }),
    fees: amountText.meta({ description: 'What merchants pay.', example: '388' }),
    feeTax: amountText.meta({ description: 'Tax on the fees.', example: '0' }),
    net: amountText.meta({ description: 'What merchants are owed for the day.', example: '11957' }),
    paidOut: amountText.meta({ description: 'What is paid out to them.', example: '11957' }),
  })
  .meta({ id: 'SettlementEventTotals' });

const completed = z
  .object({
    runId,
    date,
    timeZone: z.string().meta({ description: 'The IANA time zone that the day is cut by.', example: 'Africa/Cairo' }),
    totalsHash: hashText.meta({ description: 'SHA-256 over all statements.' }),
    items: countText.meta({ description: 'How many transactions were settled.' }),
    late: countText.meta({ description: 'How many of them belong to days that were settled before.', example: '0' }),
    setAside: z.int().meta({ description: 'How many merchants could not be settled, and wait.', example: 0 }),
    totals: z.array(totals).meta({ description: 'The sums by currency.' }),
    audit: z
      .object({
        seq: z.int().meta({ description: 'Its number.', example: 1 }),
        hash: hashText.meta({ description: 'Its hash.' }),
      })
      .meta({
        description: 'The entry of the audit log that completed it: keep it, and verify the log with it later.',
      }),
  })
  .meta({ id: 'SettlementCompletedData' });

const held = z
  .object({
    runId,
    date,
    attempt: z.int().meta({ description: 'How often it was tried.', example: 1 }),
    error: z.string().meta({ description: 'What went wrong.', example: 'the sums do not balance' }),
    breaches: z
      .array(
        z.object({
          invariant: z.string().meta({ description: 'Which rule is broken.', example: 'totals-balance' }),
          detail: z.string().meta({ description: 'By what.' }),
        }),
      )
      .meta({ description: 'The rules that its figures break.' }),
  })
  .meta({ id: 'SettlementHeldData' });

const overdue = z.object({ date }).meta({ id: 'SettlementOverdueData' });

const setAside = z
  .object({
    merchantId,
    date,
    runId,
    reason: z.enum(['out_of_range', 'refused_by_database']).meta({
      description:
        "`out_of_range`: sums do not fit into a statement; `refused_by_database`: it refuses the merchant's data.",
    }),
    detail: z.string().meta({ description: 'What exactly.' }),
  })
  .meta({ id: 'MerchantSetAsideData' });

const payoutReturned = z
  .object({
    payoutId: idText('out').meta({ description: 'The payout.' }),
    merchantId,
    currency: currencyText,
    amount: amountText.meta({ description: 'What came back, in minor units.' }),
    date: dateText.meta({ description: 'The business day that it was paid out for.' }),
  })
  .meta({ id: 'PayoutReturnedData' });

const payoutsOverdue = z
  .object({
    oldestDate: dateText.meta({ description: 'The first business day with such payouts.' }),
    newestDate: dateText.meta({ description: 'The last one.' }),
    inTransitSince: momentText.meta({ description: 'Since when the first of them is on its way.' }),
  })
  .meta({ id: 'PayoutsOverdueData' });

/** What the domain's events say, by type. */
export const SETTLEMENT_EVENTS = {
  'settlement.completed': { summary: 'A business day is settled', data: completed },
  'settlement.failed': { summary: 'A business day could not be settled; it can be retried', data: held },
  'settlement.needs_review': {
    summary: 'The figures of a business day break a rule: somebody has to look',
    data: held,
  },
  'settlement.overdue': { summary: 'A business day is not settled in time', data: overdue },
  'settlement.merchant_set_aside': {
    summary: 'A merchant cannot be settled, and waits; the others are',
    data: setAside,
  },
  'settlement.payout_returned': { summary: 'The bank says that a payout came back', data: payoutReturned },
  'settlement.payouts_overdue': { summary: 'Payouts are on their way for too long', data: payoutsOverdue },
} as const satisfies EventPayloads;

type SettlementEventType = keyof typeof SETTLEMENT_EVENTS;

/**
 * An event of this domain, which says what the document of the API says of its type.
 *
 * @param subject - with the type, the event's id
 */
export function settlementEvent<T extends SettlementEventType>(
  tenantId: PublicId,
  eventType: T,
  subject: string,
  payload: z.input<(typeof SETTLEMENT_EVENTS)[T]['data']>,
): OwnEvent {
  return { tenantId, eventType, eventId: `${eventType}/${subject}`, payload };
}
