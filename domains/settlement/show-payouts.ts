import type { PublicId } from '../../core/ids';
import type { Queryable } from '../../infra/postgres/pool';
import { SettlementRefusal } from './refusals';
import { findPayout, type Payout } from './store/payouts';

/** A payout of a tenant. @throws SettlementRefusal `no-payout` */
export async function showPayout(db: Queryable, tenantId: PublicId, id: PublicId): Promise<Payout> {
  const found = await findPayout(db, tenantId, id);
  if (found === undefined) throw new SettlementRefusal('no-payout');
  return found;
}
