import type { PublicId } from '../../../core/ids';
import type { PaymentDeps } from '../deps';
import { readPayment } from '../store/payments';
import { recordResult } from './record-result';

/** Marks a payment for review by a person: its money may have moved, and we can neither tell nor record it. */
export async function flagPayment(deps: PaymentDeps, paymentId: PublicId, code: string): Promise<void> {
  const payment = await readPayment(deps.pool, paymentId);
  if (payment === undefined) return;
  await recordResult(deps, { kind: 'review', payment, code });
  deps.log.error({ paymentId, code }, 'a payment needs review');
}
