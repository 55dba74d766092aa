import { newId, type PublicId } from '../../core/ids';
import { refundWorkflowId } from '../../domains/payments/rules/workflow-names';
import { reserveRefund } from '../../domains/payments/store/payments';
import { insertRefund } from '../../domains/payments/store/refunds';
import type { PaymentApi } from './payments-support';
import { eventually, PATIENCE_MS } from './receiver';

/** Asks for a refund as the API does, without starting its workflow. */
export async function storeRefund(api: PaymentApi, paymentId: PublicId, amount: bigint): Promise<PublicId> {
  const { pool } = api.deps;
  const id = newId('ref');
  if (!(await reserveRefund(pool, paymentId, amount))) throw new Error('it could not be reserved');
  await insertRefund(pool, {
    id,
    tenantId: api.tenantId,
    paymentId,
    amount,
    currency: 'EUR',
    reason: undefined,
    workflowId: refundWorkflowId(id),
  });
  return id;
}

/** The refund once it is in a state. */
export function untilRefund(
  api: PaymentApi,
  paymentId: PublicId,
  id: PublicId,
  state: string,
  timeoutMs = PATIENCE_MS,
) {
  let last = '';
  return eventually(
    async () => {
      const { body } = await api.call('GET', `/v1/payments/${paymentId}/refunds/${id}`);
      last = body.state;
      return last === state ? body : undefined;
    },
    timeoutMs,
    () => `${last}, not ${state}`,
  );
}

/** How often the provider was asked to make a refund. */
export function refundCalls(api: PaymentApi): number {
  return api.provider.calls.filter((call) => /^POST .*\/refunds$/.test(call)).length;
}
