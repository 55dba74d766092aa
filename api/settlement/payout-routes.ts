import { z } from 'zod';
import { listPayouts, PAYOUT_STATES, type Payout, showPayout } from '../../domains/settlement';
import { byId, followQuery, pageBody, pageRequest } from '../http/cursor';
import type { DoorContext } from '../http/door';
import { amountText } from '../http/money-schemas';
import { type Route, route } from '../http/route';
import { idSchema, moment, momentOrNull, momentText, pageQuery, pageSchema } from '../http/schemas';

const TAG = 'Settlement';
const PATH = '/api/v2/finance/settlement/payouts';
const CURSOR = byId('payouts');

const stateSchema = z.enum(PAYOUT_STATES).meta({
  description:
    '`in_transit` until a bank file has it; `paid`; `returned`: it came back, and is owed to the merchant again.',
});

const payoutSchema = z
  .object({
    id: idSchema('out').meta({
      description: "Without the underscore, the `EndToEndId` by which the bank's file names it.",
    }),
    merchantId: idSchema('mer'),
    date: z.string().meta({ example: '2026-10-29' }),
    currency: z.string(),
    amount: amountText,
    state: stateSchema,
    sentAt: momentText,
    paidAt: momentText.nullable(),
    returnedAt: momentText.nullable(),
  })
  .meta({ id: 'Payout' });

export function payoutRoutes({ reads, pool }: Pick<DoorContext, 'reads' | 'pool'>): Route[] {
  return [
    route({
      method: 'get',
      path: PATH,
      operationId: 'listPayouts',
      tag: TAG,
      summary: 'List payouts to merchants, oldest first',
      description:
        'In the order in which they were made. They are confirmed by the bank files that days are reconciled with.',
      scope: 'finance:read',
      query: z.strictObject({ ...pageQuery, ...followQuery, state: stateSchema.optional() }),
      responses: { 200: { description: 'A page of payouts.', body: pageSchema('PayoutPage', payoutSchema) } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'asc');
        const page = await listPayouts(reads, tenantId, query.state, request);
        return { status: 200, body: pageBody(CURSOR, request, page, payoutView) };
      },
    }),
    route({
      method: 'get',
      path: `${PATH}/{payoutId}`,
      operationId: 'getPayout',
      tag: TAG,
      summary: 'Get a payout',
      scope: 'finance:read',
      params: z.object({ payoutId: idSchema('out') }),
      responses: { 200: { description: 'The payout.', body: payoutSchema } },
      handler: async ({ params }, { tenantId }) => ({
        status: 200,
        body: payoutView(await showPayout(pool, tenantId, params.payoutId)),
      }),
    }),
  ];
}

function payoutView(payout: Payout): z.input<typeof payoutSchema> {
  return {
    id: payout.id,
    merchantId: payout.merchantId,
    date: payout.businessDate,
    currency: payout.currency,
    amount: String(payout.amount),
    state: payout.state,
    sentAt: moment(payout.sentAt),
    paidAt: momentOrNull(payout.paidAt),
    returnedAt: momentOrNull(payout.returnedAt),
  };
}
