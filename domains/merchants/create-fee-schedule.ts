import type { Pool } from 'pg';
import { asId, type PublicId } from '../../core/ids';
import type { Effect } from '../../infra/postgres/effect';
import { sqlState } from '../../infra/postgres/errors';
import { MerchantRefusal } from './refusals';
import { requireBusiness, requireMerchant } from './require';
import type { FeeTerms } from './rules/fees';
import { type FeeSchedule, insertFeeSchedule } from './store/fee-schedules';

const UNIQUE_VIOLATION = '23505';

export interface NewFeeScheduleRequest {
  /** Undefined: for every merchant that has none of its own. */
  merchantId: PublicId | undefined;
  currency: string;
  terms: FeeTerms;
  /** Default: now. */
  validFrom: Date | undefined;
}

/** Adds the next version of what merchants pay in a currency, once per effect. @throws MerchantRefusal */
export async function createFeeSchedule(
  { pool }: { pool: Pool },
  { tenantId, effectId }: Pick<Effect, 'tenantId' | 'effectId'>,
  { validFrom = new Date(), ...request }: NewFeeScheduleRequest,
): Promise<FeeSchedule> {
  await requireBusiness(pool, tenantId);
  if (request.merchantId !== undefined) await requireMerchant(pool, tenantId, request.merchantId);
  const id = asId('fee', effectId);
  const schedule = await insertFeeSchedule(pool, { id, tenantId, validFrom, ...request }).catch((error: unknown) => {
    if (sqlState(error) !== UNIQUE_VIOLATION) throw error;
    throw new MerchantRefusal('made-meanwhile', 'Another version was made at the same moment. Try again.');
  });
  if (schedule === undefined) throw new Error('the fee schedule belongs to another tenant');
  return schedule;
}
