import type { Pool } from 'pg';
import { newId, type PublicId, toUuid } from '../../core/ids';
import type { FeeTerms } from '../../domains/merchants/rules/fees';
import * as businesses from '../../domains/merchants/store/businesses';
import * as feeSchedules from '../../domains/merchants/store/fee-schedules';
import * as merchants from '../../domains/merchants/store/merchants';

/**
 * Makes a tenant a business, or changes it: by default Berlin, 23:59, from 2020 on, no grace. Its days count as known
 * ever since the first of them.
 */
export async function insertBusiness(
  pool: Pool,
  tenantId: PublicId,
  options: Partial<businesses.BusinessTerms> = {},
): Promise<businesses.Business> {
  const terms: businesses.BusinessTerms = {
    tenantId,
    timeZone: 'Europe/Berlin',
    cutoff: '23:59',
    graceMs: 0,
    refundFeePolicy: 'keep',
    firstDate: '2020-01-01',
    ...options,
  };
  if ((await businesses.insertBusiness(pool, terms)) === undefined) await businesses.updateBusiness(pool, terms);
  await pool.query('UPDATE businesses SET days_changed_at = first_date WHERE tenant_id = $1', [toUuid(tenantId)]);
  const business = await businesses.findBusiness(pool, tenantId);
  if (business === undefined) throw new Error('the business was neither made nor changed');
  return business;
}

/** Makes a merchant of a business. */
export async function insertMerchant(
  pool: Pool,
  tenantId: PublicId,
  options: Partial<merchants.NewMerchant> = {},
): Promise<merchants.Merchant> {
  const id = newId('mer');
  const made = await merchants.insertMerchant(pool, {
    id,
    tenantId,
    name: 'Shop',
    reserveBps: 0,
    reserveDays: 0,
    payoutMinimum: [],
    ...options,
  });
  if (made === undefined) throw new Error('the merchant belongs to another tenant');
  return made;
}

/** Makes a fee schedule: 2.9 % and 0.30, no tax, in force since 2020. */
export async function insertFeeSchedule(
  pool: Pool,
  tenantId: PublicId,
  options: Partial<FeeTerms> & { currency?: string; merchantId?: PublicId } = {},
): Promise<feeSchedules.FeeSchedule> {
  const { currency = 'EUR', merchantId, ...terms } = options;
  const made = await feeSchedules.insertFeeSchedule(pool, {
    id: newId('fee'),
    tenantId,
    merchantId,
    currency,
    terms: {
      bps: 290,
      fixed: 30n,
      minFee: undefined,
      maxFee: undefined,
      tiers: [],
      taxBps: 0,
      disputeFee: 1_500n,
      ...terms,
    },
    validFrom: new Date('2020-01-01T00:00:00Z'),
  });
  if (made === undefined) throw new Error('the fee schedule belongs to another tenant');
  return made;
}
