import type { PublicId } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import { storeEvent } from '../../webhooks';
import type { PaymentDeps } from '../deps';
import { chargebackEvent } from '../events';
import { CHARGEBACK_MOVES } from '../rules/chargeback-states';
import { moveChargeback } from '../store/chargebacks';
import { tellEvents } from '../tell-events';

/** Marks a chargeback that could not be posted for review by a person. */
export async function flagChargeback(deps: PaymentDeps, chargebackId: PublicId): Promise<void> {
  const event = await inTransaction(deps.pool, async (db) => {
    const flagged = await moveChargeback(db, chargebackId, 'flag', { reviewCode: 'not_posted' });
    return flagged === undefined ? undefined : storeEvent(db, chargebackEvent(CHARGEBACK_MOVES.flag.tells, flagged));
  });
  deps.log.error({ chargebackId }, 'a chargeback needs review');
  await tellEvents(deps, [event]);
}
