import type { PublicId } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import type { PaymentDeps } from '../deps';
import { PaymentFault } from '../rules/errors';
import { readRefund } from '../store/refunds';
import { tellEvents } from '../tell-events';
import { lockRefundCase } from './book-refund';
import { flag } from './move-refund';

/** Marks a refund that could not be recorded for review by a person; its part stays set aside. */
export async function flagRefund(deps: PaymentDeps, refundId: PublicId, code: string): Promise<void> {
  const refund = await readRefund(deps.pool, refundId);
  if (refund === undefined) throw new PaymentFault('there is no such refund');
  const { event } = await inTransaction(deps.pool, async (db) => flag(db, await lockRefundCase(db, refund), code));
  deps.log.error({ refundId, code }, 'a refund needs review');
  await tellEvents(deps, [event]);
}
