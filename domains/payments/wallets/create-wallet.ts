import type { Pool } from 'pg';
import { asId } from '../../../core/ids';
import type { Effect } from '../../../infra/postgres/effect';
import { requireBusiness } from '../../merchants';
import { insertWallet, type WalletWithBalance, withBalance } from '../store/wallets';

/** Creates an empty wallet for a customer of a business, once per effect. @throws MerchantRefusal */
export async function createWallet(
  { pool }: { pool: Pool },
  { tenantId, effectId }: Pick<Effect, 'tenantId' | 'effectId'>,
  request: { owner: string; currency: string },
): Promise<WalletWithBalance> {
  await requireBusiness(pool, tenantId);
  const wallet = await insertWallet(pool, { id: asId('wal', effectId), tenantId, ...request });
  if (wallet === undefined) throw new Error('the wallet belongs to another tenant');
  return withBalance(pool, wallet);
}
