import { z } from 'zod';
import { asId } from '../../../core/ids';
import { adjustmentPosting, appendAudit, postTransaction } from '../../../domains/ledger';
import { findBusiness, findMerchant, insertMerchant, listMerchants, type Merchant } from '../../../domains/merchants';
import { inTransaction } from '../../../infra/postgres/pool';
import { byId, pageBody, pageRequest } from '../../http/cursor';
import type { DoorContext } from '../../http/door';
import { amountSchema, amountText, bpsSchema, currencySchema } from '../../http/money-schema';
import { Problem } from '../../http/problems';
import { type Route, route } from '../../http/route';
import { idSchema, moment, momentText, nonEmptyText, pageQuery, pageSchema } from '../../http/schemas';

const TAG = 'Merchants';
const CURSOR = byId('merchants');
const MAX_RESERVE_DAYS = 400;

const newMerchantSchema = z
  .strictObject({
    name: nonEmptyText(200).meta({ example: 'Tea house' }),
    reserveBps: bpsSchema.default(0).meta({ description: "The share of each day's sales that is held back." }),
    reserveDays: z.int().min(0).max(MAX_RESERVE_DAYS).default(0).meta({ description: 'For how many days it is held.' }),
    payoutMinimum: amountSchema(1n, '1')
      .prefault('1')
      .meta({ description: 'What is less is carried over to the next day.' }),
  })
  .meta({ id: 'NewMerchant', example: { name: 'Tea house' } });

const merchantSchema = z
  .object({
    id: idSchema('merchant'),
    name: z.string(),
    reserveBps: z.int(),
    reserveDays: z.int(),
    payoutMinimum: amountText,
    createdAt: momentText,
  })
  .meta({ id: 'Merchant' });

const newAdjustmentSchema = z
  .strictObject({
    amount: amountSchema(-(2n ** 62n), '-500').refine((amount) => amount !== 0n, 'must not be 0'),
    currency: currencySchema,
    reason: nonEmptyText(500).meta({ example: 'Goodwill for the outage of 3 May' }),
  })
  .meta({
    id: 'NewAdjustment',
    example: { amount: '-500', currency: 'EUR', reason: 'Chargeback fee, agreed by phone' },
  });

const adjustmentSchema = z
  .object({
    id: idSchema('adjustment'),
    merchantId: idSchema('merchant'),
    transactionId: idSchema('ledgerTransaction'),
    amount: amountText,
    currency: z.string(),
  })
  .meta({ id: 'Adjustment' });

const merchantParams = z.object({ id: idSchema('merchant') });

export function merchantRoutes({ pool }: Pick<DoorContext, 'pool'>): Route[] {
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
      handler: async ({ body }, { tenantId, effectId }) => {
        if ((await findBusiness(pool, tenantId)) === undefined) {
          throw new Problem('wrong-state', { detail: 'The tenant is no business yet: PATCH /v1/business first.' });
        }
        const merchant = await insertMerchant(pool, { id: asId('merchant', effectId), tenantId, ...body });
        if (merchant === undefined) throw new Error('the merchant belongs to another tenant');
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
        return {
          status: 200,
          body: pageBody(CURSOR, request, await listMerchants(pool, tenantId, request), merchantView),
        };
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
        const merchant = await findMerchant(pool, tenantId, params.id);
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
        'A ledger transaction of its own: positive gives to the merchant, negative takes. It joins the next settlement, ' +
        'and is in the audit log with its reason.',
      scope: 'finance:settle',
      idempotency: 'required',
      params: merchantParams,
      body: newAdjustmentSchema,
      responses: { 201: { description: 'The adjustment is posted.', body: adjustmentSchema } },
      handler: async ({ params, body }, { tenantId, keyId, effectId, fence }) => {
        const merchant = await findMerchant(pool, tenantId, params.id);
        if (merchant === undefined) throw new Problem('not-found');
        const id = asId('adjustment', effectId);
        const transactionId = await inTransaction(pool, async (client) => {
          await fence(client);
          const posted = await postTransaction(client, {
            tenantId,
            kind: 'adjustment',
            externalRef: id,
            currency: body.currency,
            posting: adjustmentPosting(merchant.id, body.amount),
            merchantId: merchant.id,
            effectiveAt: new Date(),
          });
          if (posted.posted) {
            const payload = { merchantId: merchant.id, ...body, amount: String(body.amount) };
            await appendAudit(client, tenantId, { actor: keyId, action: 'ledger.adjusted', subject: id, payload });
          }
          return posted.id;
        });
        return {
          status: 201,
          body: { id, merchantId: merchant.id, transactionId, amount: String(body.amount), currency: body.currency },
        };
      },
    }),
  ];
}

function merchantView(merchant: Merchant): z.input<typeof merchantSchema> {
  return {
    id: merchant.id,
    name: merchant.name,
    reserveBps: merchant.reserveBps,
    reserveDays: merchant.reserveDays,
    payoutMinimum: String(merchant.payoutMinimum),
    createdAt: moment(merchant.createdAt),
  };
}
