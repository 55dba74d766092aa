import type { Pool } from 'pg';
import { asId, type PublicId } from '../../core/ids';
import type { Effect } from '../../infra/postgres/effect';
import { sqlState } from '../../infra/postgres/errors';
import { inTransaction } from '../../infra/postgres/pool';
import { appendAudit } from '../audit';
import { MerchantRefusal } from './refusals';
import { requireBusiness, requireMerchant } from './require';
import { type FeeTerms, feeTermsText } from './rules/fees';
import { type FeeSchedule, findFeeSchedule, insertFeeSchedule } from './store/fee-schedules';

const UNIQUE_VIOLATION = '23505';

export interface NewFeeScheduleRequest {
  /** Undefined: for every merchant that has none of its own. */
  merchantId: PublicId | undefined;
  currency: string;
  terms: FeeTerms;
  /** Default: now. */
  validFrom: Date | undefined;
}

/**
 * Adds the next version of what merchants pay in a currency, once per effect, with an entry in the audit log.
 *
 * @param effect - `keyId`: the API key that asked for it
 * @throws MerchantRefusal
 */
export async function createFeeSchedule(
  { pool }: { pool: Pool },
  effect: Effect & { keyId: PublicId },
  { validFrom = new Date(), ...request }: NewFeeScheduleRequest,
): Promise<FeeSchedule> {
  const { tenantId, effectId, keyId } = effect;
  await requireBusiness(pool, tenantId);
  if (request.merchantId !== undefined) await requireMerchant(pool, tenantId, request.merchantId);
  const id = asId('fee', effectId);
  const made = inTransaction(pool, async (db) => {
    await effect.fence(db);
    const known = await findFeeSchedule(db, tenantId, id);
    if (known !== undefined) return known;
    const schedule = await insertFeeSchedule(db, { id, tenantId, validFrom, ...request });
    if (schedule === undefined) throw new Error('the fee schedule belongs to another tenant');
    await appendAudit(db, tenantId, { actor: keyId, action: 'fees.set', subject: id, payload: auditOf(schedule) });
    return schedule;
  });
  return made.catch((error: unknown) => {
    if (sqlState(error) !== UNIQUE_VIOLATION) throw error;
    throw new MerchantRefusal('made-meanwhile', 'Another version was made at the same moment. Try again.');
  });
}

function auditOf({ merchantId, currency, version, terms, validFrom }: FeeSchedule) {
  return {
    merchantId: merchantId ?? null,
    currency,
    version,
    validFrom: validFrom.toISOString(),
    ...feeTermsText(terms),
  };
}
