import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { appendAudit } from '../../audit';
import { PreferenceRefusal } from '../refusals';
import type { BulkState } from '../rules/bulk';
import { type BulkSuppression, lockBulk, recordBulkStep } from '../store/bulk-suppressions';
import { endingBulk } from './end-bulk';

/**
 * Cancels a bulk suppression, in the database: that holds at once, also while Temporal is away. Rows that are done stay so;
 * it is `cancelling` until what follows them has happened.
 *
 * @param by - whose, and who cancels it
 * @throws PreferenceRefusal when there is none, it has ended, or it is still arriving
 */
export function cancelBulk(
  platform: Platform,
  { tenantId, actor }: { tenantId: PublicId; actor: string },
  id: PublicId,
): Promise<BulkSuppression> {
  return endingBulk(platform, async (db, end) => {
    const bulk = await lockBulk(db, id);
    if (bulk?.tenantId !== tenantId) throw new PreferenceRefusal('no-such-bulk-suppression');
    const { state, appliedTo: done } = bulk;
    if (state === 'cancelling') return bulk;
    if (state !== 'running' && state !== 'waiting') {
      const hint = state === 'receiving' ? 'end its upload instead' : 'one that has ended cannot be cancelled';
      throw new PreferenceRefusal('bulk-suppression-not-cancellable', `It is ${state}: ${hint}.`);
    }
    await appendAudit(db, tenantId, { actor, action: 'suppression.bulk_cancelled', subject: id, payload: { done } });
    return state === 'waiting' ? end(bulk, 'cancelled') : recordBulkStep(db, id, { state: 'cancelling' });
  });
}

/** As {@link cancelBulk}, for whoever cancels it in Temporal. @returns the state that it is in */
export async function cancelBulkByWorkflow(
  platform: Platform,
  tenantId: PublicId,
  id: PublicId,
): Promise<BulkState | 'gone'> {
  try {
    return (await cancelBulk(platform, { tenantId, actor: 'temporal' }, id)).state;
  } catch (error) {
    if (!(error instanceof PreferenceRefusal)) throw error;
    return 'gone';
  }
}
