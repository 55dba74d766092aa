import { z } from 'zod';
import { ORDER_STATES, type Order } from '../../domains/payments';
import { followQuery } from '../http/cursor';
import { freeMetadataSchema, ownNumber } from '../http/free-text';
import { amountText, currencySchema, singleAmountSchema } from '../http/money-schemas';
import { idSchema, moment, momentText, pageQuery, pageSchema } from '../http/schemas';

/** A single payment's amount. */
export const priceSchema = singleAmountSchema(1n);

export const newOrderSchema = z
  .strictObject({
    merchantId: idSchema('mer'),
    amount: priceSchema,
    currency: currencySchema,
    reference: ownNumber(200).optional().meta({ description: 'Your own number for it.', example: 'A-1042' }),
    metadata: freeMetadataSchema.default({}),
  })
  .meta({
    id: 'NewOrder',
    example: { merchantId: 'mer_019e0c7b5d0e7cc2a7b1f30d1f2a9c11', amount: '12345', currency: 'EUR' },
  });

export const orderSchema = z
  .object({
    id: idSchema('ord'),
    merchantId: idSchema('mer'),
    amount: amountText,
    currency: z.string(),
    state: z.enum(ORDER_STATES),
    reference: z.string().nullable(),
    metadata: z.record(z.string(), z.string()),
    createdAt: momentText,
    updatedAt: momentText,
  })
  .meta({ id: 'Order' });

export const orderPageSchema = pageSchema('OrderPage', orderSchema);
export const orderParams = z.object({ id: idSchema('ord') });
export const orderQuery = z.strictObject({
  ...pageQuery,
  ...followQuery,
  state: z.enum(ORDER_STATES).optional(),
  merchantId: idSchema('mer').optional(),
});

/** An order as answers show it. */
export function orderView(order: Order): z.input<typeof orderSchema> {
  return {
    id: order.id,
    merchantId: order.merchantId,
    amount: order.amount.toString(),
    currency: order.currency,
    state: order.state,
    reference: order.reference ?? null,
    metadata: order.metadata,
    createdAt: moment(order.createdAt),
    updatedAt: moment(order.updatedAt),
  };
}
