import type { PublicId } from '../../../core/ids';
import { feeScheduleFor } from '../../merchants';
import type { PaymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import { findOrder } from '../store/orders';
import type { PaymentSource } from '../store/payments';
import { findWallet } from '../store/wallets';

/** Why an order was not accepted for payment; undefined when the reason is gone by now. */
export async function whyNot(
  { pool }: Pick<PaymentDeps, 'pool'>,
  tenantId: PublicId,
  { orderId, source }: { orderId: PublicId; source: PaymentSource },
): Promise<PaymentRefusal | undefined> {
  const order = await findOrder(pool, tenantId, orderId);
  if (order === undefined) return new PaymentRefusal('no-such-order', 'there is no such order', { field: ['orderId'] });
  const { merchantId, currency, state } = order;
  if (source.type === 'wallet') {
    const wallet = await findWallet(pool, tenantId, source.walletId);
    const field = ['source', 'walletId'];
    if (wallet === undefined) return new PaymentRefusal('no-such-wallet', 'there is no such wallet', { field });
    if (wallet.currency !== currency) {
      const detail = `the wallet has ${wallet.currency}, the order is in ${currency}`;
      return new PaymentRefusal('wallet-currency', detail, { field });
    }
  }
  if (state !== 'created') {
    return new PaymentRefusal('order-not-payable', `The order cannot be paid: it is ${state}.`);
  }
  if ((await feeScheduleFor(pool, { tenantId, merchantId, currency, at: new Date() })) === undefined) {
    const detail = `The merchant has no fee schedule for ${currency}: make one with POST /v1/fee-schedules, then repeat this.`;
    return new PaymentRefusal('no-fee-schedule', detail);
  }
  return undefined;
}
