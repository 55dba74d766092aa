import type { PublicId } from '../../../core/ids';
import type { Approval, Requester } from '../../approvals';
import { review } from '../approvals/review';
import type { PaymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import { CHARGEBACK_RESOLUTIONS, type ChargebackResolution } from '../rules/resolutions';
import { type Chargeback, findChargeback } from '../store/chargebacks';
import { carryOutChargeback, RESOLVE_CHARGEBACK } from './carry-out-chargeback';

/**
 * Decides what a chargeback comes to, whatever the provider reported: posted with an amount, won, lost, or dismissed as a
 * mistake. The ledger gets the difference. See `review` for approval.
 *
 * @throws PaymentRefusal
 */
export async function resolveChargeback(
  deps: PaymentDeps,
  by: Requester,
  id: PublicId,
  resolution: ChargebackResolution,
): Promise<{ approval: Approval; chargeback: Chargeback }> {
  const found = await findChargeback(deps.pool, by.tenantId, id);
  if (found === undefined) throw new PaymentRefusal('not-found');
  const { amount, currency, booked } = found;
  const most = [amount, booked.amount, resolution.amount ?? 0n].reduce((a, b) => (a > b ? a : b));
  const input = CHARGEBACK_RESOLUTIONS.encode(resolution);
  const approval = await review(
    deps,
    by,
    { action: RESOLVE_CHARGEBACK, subject: id, amount: most, currency, input },
    carryOutChargeback,
  );
  const chargeback = await findChargeback(deps.pool, by.tenantId, id);
  return { approval, chargeback: chargeback ?? found };
}
