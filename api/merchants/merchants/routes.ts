import { z } from 'zod';
import { CURRENCIES } from '../../../core/currency';
import { MAX_SINGLE_AMOUNT } from '../../../core/money';
import { approvalsConfig } from '../../../domains/approvals';
import { adjustMerchant } from '../../../domains/ledger';
import { createMerchant, findMerchant, listMerchants, type Merchant } from '../../../domains/merchants';
import { WAITING_ANSWER, waitingAnswer } from '../../http/approval-schemas';
import { byId, pageBody, pageRequest } from '../../http/cursor';
import type { DoorContext } from '../../http/door';
import { freeText } from '../../http/free-text';
import { amountSchema, amountText, bpsSchema, currencySchema, singleAmountSchema } from '../../http/money-schemas';
import { Problem } from '../../http/problems';
import { type Route, route } from '../../http/route';
import { idSchema, moment, momentText, pageQuery, pageSchema } from '../../http/schemas';

const TAG = 'Merchants';
const CURSOR = byId('merchants');
const MAX_RESERVE_DAYS = 400;

const newMerchantSchema = z
  .strictObject({
    name: freeText(200).meta({ example: 'Tea house' }),
    reserveBps: bpsSchema.default(0).meta({ description: "The share of each day's sales that is held back." }),
    reserveDays: z.int().min(0).max(MAX_RESERVE_DAYS).default(0).meta({ description: 'For how many days it is held.' }),
    payoutMinimum: z
      .array(z.strictObject({ amount: singleAmountSchema(1n, '1000'), currency: currencySchema }))
      .max(CURRENCIES.length)
      .refine(hasEachOnce, 'must have each currency once')
      .default([])
      .meta({
        description: 'Smaller sums are carried over to the next day. By default the smallest unit of a currency.',
      }),
  })
  .meta({ id: 'NewMerchant', example: { name: 'Tea house', payoutMinimum: [{ amount: '1000', currency: 'EUR' }] } });

const merchantSchema = z
  .object({
    id: idSchema('mer'),
    name: z.string(),
    reserveBps: z.int(),
    reserveDays: z.int(),
    payoutMinimum: z.array(z.object({ amount: amountText, currency: z.string().nullable() })).meta({
      description:
        'A currency of null stands for every other one; only merchants have it that were registered before amounts had one.',
    }),
    createdAt: momentText,
  })
  .meta({ id: 'Merchant' });

const newAdjustmentSchema = z
  .strictObject({
    amount: amountSchema({ min: -MAX_SINGLE_AMOUNT, zero: false, example: '-500' }),
    currency: currencySchema,
    reason: freeText(500).meta({ example: 'Goodwill for the outage of 3 May' }),
  })
  .meta({
    id: 'NewAdjustment',
    example: { amount: '-500', currency: 'EUR', reason: 'Chargeback fee, agreed by phone' },
  });

const adjustmentSchema = z
  .object({
    id: idSchema('adj'),
    merchantId: idSchema('mer'),
    transactionId: idSchema('ltx'),
    amount: amountText,
    currency: z.string(),
  })
  .meta({ id: 'Adjustment' });

const merchantParams = z.object({ id: idSchema('mer') });

export function merchantRoutes({ pool, reads, settings }: Pick<DoorContext, 'pool' | 'reads' | 'settings'>): Route[] {
  const deps = { pool, reads, config: settings.of(approvalsConfig) };
  return [
    route({
      method: 'post',
      path: '/v1/merchants',
      operationId: 'createMerchant',
      tag: TAG,
      summary: 'Register a merchant',
      scope: 'finance:write',
      body: newMerchantSchema,
      responses: {
        201: { description: 'The merchant.', body: merchantSchema, headers: { Location: "The merchant's path." } },
      },
      problems: ['wrong-state'],
      handler: async ({ body }, context) => {
        const merchant = await createMerchant(deps, context, body);
        return { status: 201, headers: { location: `/v1/merchants/${merchant.id}` }, body: merchantView(merchant) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/merchants',
      operationId: 'listMerchants',
      tag: TAG,
      summary: 'List merchants, newest first',
      scope: 'finance:read',
      query: z.strictObject(pageQuery),
      responses: { 200: { description: 'A page of merchants.', body: pageSchema('MerchantPage', merchantSchema) } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        const page = await listMerchants(deps.reads, tenantId, request);
        return { status: 200, body: pageBody(CURSOR, request, page, merchantView) };
      },
    }),
    route({
      method: 'get',
      path: '/v1/merchants/{id}',
      operationId: 'getMerchant',
      tag: TAG,
      summary: 'Get a merchant',
      scope: 'finance:read',
      params: merchantParams,
      responses: { 200: { description: 'The merchant.', body: merchantSchema } },
      handler: async ({ params }, { tenantId }) => {
        const merchant = await findMerchant(deps.pool, tenantId, params.id);
        if (merchant === undefined) throw new Problem('not-found');
        return { status: 200, body: merchantView(merchant) };
      },
    }),
    route({
      method: 'post',
      path: '/v1/merchants/{id}/adjustments',
      operationId: 'adjustMerchant',
      tag: TAG,
      summary: 'Correct what a merchant is owed',
      description:
        'Posts a ledger transaction: positive gives to the merchant, negative takes. It joins the next settlement; the ' +
        'audit log has it with its reason. From `WAYBILL_REVIEW_FOUR_EYES_FROM` on, another API key has to approve it.',
      scope: 'finance:settle',
      idempotency: 'required',
      params: merchantParams,
      body: newAdjustmentSchema,
      responses: {
        201: { description: 'The adjustment is posted.', body: adjustmentSchema },
        202: WAITING_ANSWER,
      },
      problems: ['wrong-state'],
      handler: async ({ params, body: { amount, currency, reason } }, context) => {
        const merchantId = params.id;
        const request = { merchantId, amount, currency, reason };
        const adjusted = await adjustMerchant(deps, context, request);
        if ('waits' in adjusted) return waitingAnswer(adjusted.waits);
        const { id, transactionId } = adjusted;
        return { status: 201, body: { id, merchantId, transactionId, amount: String(amount), currency } };
      },
    }),
  ];
}

function hasEachOnce(amounts: readonly { currency: string }[]): boolean {
  return new Set(amounts.map(({ currency }) => currency)).size === amounts.length;
}

function merchantView(merchant: Merchant): z.input<typeof merchantSchema> {
  return {
    id: merchant.id,
    name: merchant.name,
    reserveBps: merchant.reserveBps,
    reserveDays: merchant.reserveDays,
    payoutMinimum: merchant.payoutMinimum.map(({ amount, currency }) => ({ amount: String(amount), currency })),
    createdAt: moment(merchant.createdAt),
  };
}
