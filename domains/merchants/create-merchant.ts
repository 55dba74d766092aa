import type { Pool } from 'pg';
import { asId } from '../../core/ids';
import type { Effect } from '../../infra/postgres/effect';
import { requireBusiness } from './require';
import { insertMerchant, type Merchant, type NewMerchant } from './store/merchants';

/** Registers a merchant of a business, once per effect. @throws MerchantRefusal */
export async function createMerchant(
  { pool }: { pool: Pool },
  { tenantId, effectId }: Pick<Effect, 'tenantId' | 'effectId'>,
  request: Omit<NewMerchant, 'id' | 'tenantId'>,
): Promise<Merchant> {
  await requireBusiness(pool, tenantId);
  const merchant = await insertMerchant(pool, { id: asId('mer', effectId), tenantId, ...request });
  if (merchant === undefined) throw new Error('the merchant belongs to another tenant');
  return merchant;
}
