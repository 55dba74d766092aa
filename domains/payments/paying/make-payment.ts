import { asId, type PublicId } from '../../../core/ids';
import { sqlState } from '../../../infra/postgres/errors';
import { inTransaction } from '../../../infra/postgres/pool';
import { feeScheduleFor } from '../../merchants';
import type { LoggedEffect, PaymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import { isEnded } from '../rules/payment-states';
import { paymentWorkflowId } from '../rules/workflow-names';
import { startPayment, waitForEnd } from '../start';
import { findOrder, moveOrder } from '../store/orders';
import { findPayment, insertPayment, type Payment, type PaymentSource } from '../store/payments';
import { findWallet } from '../store/wallets';

const UNIQUE_VIOLATION = '23505';

export interface NewPaymentRequest {
  orderId: PublicId;
  source: PaymentSource;
}

/**
 * Pays an order: stores the payment, has its workflow make it, and waits a while for the result. A repeat with the same
 * effect continues with the stored payment.
 *
 * @returns the payment as it is then, ended or not
 * @throws PaymentRefusal when the order, its state or the source does not allow it
 */
export async function makePayment(
  deps: PaymentDeps,
  effect: LoggedEffect,
  request: NewPaymentRequest,
): Promise<Payment> {
  const { pool } = deps;
  const { tenantId } = effect;
  const id = asId('pay', effect.effectId);
  const known = await findPayment(pool, tenantId, id);
  const payment = known ?? (await store(deps, tenantId, id, request));
  if (isEnded(payment)) return payment;
  try {
    await waitForEnd(deps, payment.workflowId, startPayment(deps, payment, { resume: known !== undefined }));
  } catch (error) {
    // The payment is stored: this workflow, or one that the sweep starts, will make it.
    effect.log.warn({ err: error, paymentId: id }, 'a payment is left to its workflow');
  }
  return (await findPayment(pool, tenantId, id)) ?? payment;
}

async function store(
  deps: PaymentDeps,
  tenantId: PublicId,
  id: PublicId,
  { orderId, source }: NewPaymentRequest,
): Promise<Payment> {
  const { pool, config } = deps;
  const order = await findOrder(pool, tenantId, orderId);
  if (order === undefined) throw new PaymentRefusal('no-such-order', 'there is no such order', { field: ['orderId'] });
  const { merchantId, amount, currency } = order;
  if (source.type === 'card' && config.WAYBILL_PAYMENT_PROVIDER_URL === undefined) {
    const detail = 'cards cannot be charged: no payment provider is configured (WAYBILL_PAYMENT_PROVIDER_URL)';
    throw new PaymentRefusal('no-provider', detail, { field: ['source', 'type'] });
  }
  if (source.type === 'wallet') {
    const wallet = await findWallet(pool, tenantId, source.walletId);
    const field = ['source', 'walletId'];
    if (wallet === undefined) throw new PaymentRefusal('no-such-wallet', 'there is no such wallet', { field });
    if (wallet.currency !== currency) {
      const detail = `the wallet has ${wallet.currency}, the order is in ${currency}`;
      throw new PaymentRefusal('wallet-currency', detail, { field });
    }
  }
  if ((await feeScheduleFor(pool, { tenantId, merchantId, currency, at: new Date() })) === undefined) {
    const detail = `The merchant has no fee schedule for ${currency}: make one with POST /v1/fee-schedules, then repeat this.`;
    throw new PaymentRefusal('no-fee-schedule', detail);
  }
  try {
    return await inTransaction(pool, async (db) => {
      const moved = await moveOrder(db, tenantId, orderId, 'pay');
      if (moved === undefined) throw await cannotPay(deps, tenantId, orderId);
      const workflowId = paymentWorkflowId(id);
      return insertPayment(db, { id, tenantId, orderId, merchantId, amount, currency, source, workflowId });
    });
  } catch (error) {
    if (sqlState(error) === UNIQUE_VIOLATION) throw await cannotPay(deps, tenantId, orderId);
    throw error;
  }
}

async function cannotPay({ pool }: PaymentDeps, tenantId: PublicId, orderId: PublicId): Promise<PaymentRefusal> {
  const order = await findOrder(pool, tenantId, orderId);
  return new PaymentRefusal('order-not-payable', `The order cannot be paid: it is ${order?.state ?? 'gone'}.`);
}
