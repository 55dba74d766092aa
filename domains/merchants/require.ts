import type { PublicId } from '../../core/ids';
import type { Queryable } from '../../infra/postgres/pool';
import { MerchantRefusal } from './refusals';
import { type Business, findBusiness } from './store/businesses';
import { findMerchant, type Merchant } from './store/merchants';

/** @throws MerchantRefusal when the tenant is no business */
export async function requireBusiness(db: Queryable, tenantId: PublicId): Promise<Business> {
  const business = await findBusiness(db, tenantId);
  if (business !== undefined) return business;
  throw new MerchantRefusal('no-business', 'The tenant is no business yet: PATCH /v1/business first.');
}

/**
 * For requests that name a merchant in their field `merchantId`.
 *
 * @throws MerchantRefusal when there is no such merchant
 */
export async function requireMerchant(db: Queryable, tenantId: PublicId, id: PublicId): Promise<Merchant> {
  const merchant = await findMerchant(db, tenantId, id);
  if (merchant !== undefined) return merchant;
  throw new MerchantRefusal('no-such-merchant', 'there is no such merchant', { field: ['merchantId'] });
}
