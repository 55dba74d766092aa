import type { Pool } from 'pg';
import { asId, type PublicId } from '../../core/ids';
import type { Effect } from '../../infra/postgres/effect';
import { inTransaction } from '../../infra/postgres/pool';
import { appendAudit } from '../audit';
import { findMerchant } from '../merchants';
import { LedgerRefusal } from './refusals';
import { adjustmentPosting } from './rules/postings';
import { postTransaction } from './store/ledger';

export interface AdjustmentRequest {
  merchantId: PublicId;
  /** Minor units, not 0: positive gives to the merchant, negative takes. */
  amount: bigint;
  currency: string;
  reason: string;
}

/**
 * Corrects by hand what a merchant is owed, once per effect, with an entry in the audit log.
 *
 * @param effect - `keyId`: the API key that asked for it
 * @throws LedgerRefusal when there is no such merchant
 */
export async function adjustMerchant(
  { pool }: { pool: Pool },
  effect: Effect & { keyId: PublicId },
  request: AdjustmentRequest,
): Promise<{ id: PublicId; transactionId: PublicId }> {
  const { tenantId, keyId } = effect;
  const { merchantId, amount, currency } = request;
  if ((await findMerchant(pool, tenantId, merchantId)) === undefined) throw new LedgerRefusal('no-such-merchant');
  const id = asId('adj', effect.effectId);
  const transactionId = await inTransaction(pool, async (db) => {
    await effect.fence(db);
    const posted = await postTransaction(db, {
      tenantId,
      kind: 'adjustment',
      externalRef: id,
      currency,
      posting: adjustmentPosting(merchantId, amount),
      merchantId,
      effectiveAt: new Date(),
    });
    if (posted.posted) {
      const payload = { ...request, amount: String(amount) };
      await appendAudit(db, tenantId, { actor: keyId, action: 'ledger.adjusted', subject: id, payload });
    }
    return posted.id;
  });
  return { id, transactionId };
}
