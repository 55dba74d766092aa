import type { Pool } from 'pg';
import { asId, type PublicId } from '../../core/ids';
import type { Effect } from '../../infra/postgres/effect';
import { inTransaction } from '../../infra/postgres/pool';
import { appendAudit } from '../audit';
import { requireBusiness } from './require';
import { findMerchant, insertMerchant, type Merchant, type NewMerchant } from './store/merchants';

/**
 * Registers a merchant of a business, once per effect, with an entry in the audit log: what is held back of its sales is
 * decided here.
 *
 * @param effect - `keyId`: the API key that asked for it
 * @throws MerchantRefusal
 */
export async function createMerchant(
  { pool }: { pool: Pool },
  effect: Effect & { keyId: PublicId },
  request: Omit<NewMerchant, 'id' | 'tenantId'>,
): Promise<Merchant> {
  const { tenantId, effectId, keyId } = effect;
  await requireBusiness(pool, tenantId);
  const id = asId('mer', effectId);
  return inTransaction(pool, async (db) => {
    await effect.fence(db);
    const known = await findMerchant(db, tenantId, id);
    if (known !== undefined) return known;
    const merchant = await insertMerchant(db, { id, tenantId, ...request });
    if (merchant === undefined) throw new Error('the merchant belongs to another tenant');
    const payoutMinimum = request.payoutMinimum.map(({ amount, currency }) => ({
      amount: amount.toString(),
      currency,
    }));
    const payload = { ...request, payoutMinimum };
    await appendAudit(db, tenantId, { actor: keyId, action: 'merchant.registered', subject: id, payload });
    return merchant;
  });
}
