import { isId, newId } from '../../../core/ids';
import type { Logger } from '../../../infra/log';
import type { PaymentDeps } from '../deps';
import type { Callback } from '../provider/wire';
import { PaymentRefusal } from '../refusals';
import { CHARGEBACK_UNDER_WAY } from '../rules/chargeback-states';
import { chargebackWorkflowId } from '../rules/workflow-names';
import { insertChargeback, markChargebackWon } from '../store/chargebacks';
import { readPayment } from '../store/payments';
import { leaveToWorkflow } from './leave-to-workflow';

/**
 * Records what the provider reports about a chargeback, and has the workflow post it; a repeated report changes
 * nothing. The caller has to make sure that it comes from the provider.
 *
 * @throws PaymentRefusal when we have made no such charge
 */
export async function keepCallback(deps: PaymentDeps, { type, data }: Callback, log: Logger): Promise<void> {
  const { pool } = deps;
  const { id: providerReference, charge_reference: reference, occurred_at: occurredAt, ...told } = data;
  const payment = isId('pay', reference) ? await readPayment(pool, reference) : undefined;
  if (payment === undefined || payment.source.type !== 'card') {
    throw new PaymentRefusal('no-such-charge', 'There is no such charge.');
  }
  const id = newId('cbk');
  let chargeback = await insertChargeback(pool, {
    ...told,
    id,
    tenantId: payment.tenantId,
    paymentId: payment.id,
    providerReference,
    occurredAt,
    workflowId: chargebackWorkflowId(id),
  });
  if (type === 'chargeback.won') {
    chargeback = (await markChargebackWon(pool, providerReference, occurredAt)) ?? chargeback;
  }
  if (CHARGEBACK_UNDER_WAY.some((state) => state === chargeback.state)) await leaveToWorkflow(deps, chargeback, log);
}
