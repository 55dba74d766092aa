import type { Pool } from 'pg';
import { newId, type PublicId } from '../../core/ids';
import { insertApproval } from '../../domains/approvals/store/approvals';
import { insertChargeback } from '../../domains/payments/store/chargebacks';
import { insertOrder } from '../../domains/payments/store/orders';
import { insertPayment } from '../../domains/payments/store/payments';
import { insertRefund } from '../../domains/payments/store/refunds';
import { insertWallet } from '../../domains/payments/store/wallets';
import { insertMerchant } from './finance';

/** One row of everything about payments, in a tenant that is a business; ids as `payments.id`, `payments.refundId`, … */
export async function insertOnePayment(pool: Pool, tenantId: PublicId): Promise<Record<string, PublicId>> {
  const merchantId = (await insertMerchant(pool, tenantId)).id;
  const [orderId, paymentId, refundId] = [newId('ord'), newId('pay'), newId('ref')];
  const [walletId, chargebackId] = [newId('wal'), newId('cbk')];
  const money = { tenantId, amount: 100n, currency: 'EUR', workflowId: 'w' };
  await insertOrder(pool, { ...money, id: orderId, merchantId, reference: undefined, metadata: {} });
  await insertWallet(pool, { id: walletId, tenantId, currency: 'EUR', owner: 'customer' });
  await insertPayment(pool, { ...money, id: paymentId, orderId, merchantId, source: { type: 'wallet', walletId } });
  await insertRefund(pool, { ...money, id: refundId, paymentId, reason: undefined });
  await insertChargeback(pool, {
    ...money,
    id: chargebackId,
    paymentId,
    providerReference: chargebackId,
    reason: 'fraudulent',
    occurredAt: new Date(),
  });
  const approvalId = newId('apr');
  await insertApproval(pool, {
    id: approvalId,
    tenantId,
    action: 'refund.resolve',
    subject: refundId,
    command: { as: 'not_refunded', reason: 'the provider says so' },
    amount: 100n,
    currency: 'EUR',
    state: 'waiting',
    requestedBy: newId('key'),
  });
  return {
    'orders.id': orderId,
    'payments.id': paymentId,
    'payments.refundId': refundId,
    'wallets.id': walletId,
    'chargebacks.id': chargebackId,
    'approvals.id': approvalId,
  };
}
