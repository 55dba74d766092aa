import type { PublicId } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import { storeEvent } from '../../webhooks';
import type { PaymentDeps } from '../deps';
import { refundEvent } from '../events';
import { REFUND_MOVES } from '../rules/refund-states';
import { moveRefund } from '../store/refunds';
import { tellEvents } from '../tell-events';

/** Marks a refund for review by a person; its part stays set aside, since the money may have gone back. */
export async function flagRefund(deps: PaymentDeps, refundId: PublicId, code: string): Promise<void> {
  const event = await inTransaction(deps.pool, async (db) => {
    const flagged = await moveRefund(db, refundId, 'flag', { failureCode: code });
    return flagged === undefined ? undefined : storeEvent(db, refundEvent(REFUND_MOVES.flag.tells, flagged));
  });
  deps.log.error({ refundId, code }, 'a refund needs review');
  await tellEvents(deps, [event]);
}
