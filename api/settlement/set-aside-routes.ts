import { z } from 'zod';
import { bringMerchantBack, HOLD_REASONS, type Hold, listHolds, setMerchantAside } from '../../domains/settlement';
import { byId, pageBody, pageRequest } from '../http/cursor';
import type { DoorContext } from '../http/door';
import { freeText } from '../http/free-text';
import { type Route, route } from '../http/route';
import { idSchema, moment, momentText, pageQuery, pageSchema } from '../http/schemas';

const TAG = 'Settlement';
const BASE = '/api/v2/finance/settlement';
const CURSOR = byId('settlement-set-aside');

export const holdSchema = z
  .object({
    merchantId: idSchema('mer'),
    reason: z.enum(HOLD_REASONS).meta({
      description:
        "`out_of_range`: sums do not fit into a statement; `refused_by_database`: it refuses the merchant's data; " +
        '`by_hand`: somebody said so.',
    }),
    detail: z.string(),
    since: momentText,
  })
  .meta({ id: 'SetAsideMerchant' });

const reasonSchema = z
  .strictObject({ reason: freeText(500).meta({ example: 'The wrong adjustment is reversed' }) })
  .meta({ id: 'SetAsideReason', example: { reason: 'The wrong adjustment is reversed' } });

const params = z.object({ merchantId: idSchema('mer') });

/** Merchants that are not settled, while the others are. */
export function setAsideRoutes({ pool, reads }: Pick<DoorContext, 'pool' | 'reads'>): Route[] {
  return [
    route({
      method: 'get',
      path: `${BASE}/set-aside`,
      operationId: 'listSetAsideMerchants',
      tag: TAG,
      summary: 'List merchants that are set aside',
      scope: 'finance:read',
      query: z.strictObject(pageQuery),
      responses: { 200: { description: 'A page of merchants.', body: pageSchema('SetAsidePage', holdSchema) } },
      handler: async ({ query }, { tenantId }) => {
        const request = pageRequest(CURSOR, query, 'desc');
        const { rows, ...rest } = await listHolds(reads, tenantId, request);
        const page = { ...rest, rows: rows.map((hold) => ({ ...hold, id: hold.merchantId })) };
        return { status: 200, body: pageBody(CURSOR, request, page, holdView) };
      },
    }),
    route({
      method: 'post',
      path: `${BASE}/merchants/{merchantId}/set-aside`,
      operationId: 'setMerchantAside',
      tag: TAG,
      summary: 'Set a merchant aside',
      description:
        'From the next statement that is made on, also of a day that is retried, the merchant is neither settled nor ' +
        'paid out, and its transactions wait. A day that needs a review for one merchant is so completed for the others.',
      scope: 'finance:settle',
      idempotency: 'required',
      params,
      body: reasonSchema,
      responses: { 204: { description: 'It is set aside.' } },
      problems: ['wrong-state'],
      handler: async ({ params: { merchantId }, body: { reason } }, context) => {
        await setMerchantAside({ pool }, context, { merchantId, reason });
        return { status: 204 };
      },
    }),
    route({
      method: 'post',
      path: `${BASE}/merchants/{merchantId}/bring-back`,
      operationId: 'bringMerchantBack',
      tag: TAG,
      summary: 'Bring a merchant back that is set aside',
      description: 'The next settlement has everything that waited, marked as late.',
      scope: 'finance:settle',
      idempotency: 'required',
      params,
      body: reasonSchema,
      responses: { 204: { description: 'It is settled again.' } },
      problems: ['wrong-state'],
      handler: async ({ params: { merchantId }, body: { reason } }, context) => {
        await bringMerchantBack({ pool }, context, { merchantId, reason });
        return { status: 204 };
      },
    }),
  ];
}

/** A merchant that is set aside, as answers show it. */
export function holdView({ merchantId, reason, detail, since }: Hold): z.input<typeof holdSchema> {
  return { merchantId, reason, detail, since: moment(since) };
}
