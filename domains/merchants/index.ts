export { merchants } from './domain';
export { requireBusiness, requireMerchant } from './require';

// Businesses and their days

export {
  addDays,
  type BusinessDay,
  businessDateAt,
  businessDay,
  lastClosedDate,
} from './rules/business-day';
export {
  type Business,
  type BusinessTerms,
  findBusiness,
  insertBusiness,
  listBusinesses,
  lockBusiness,
  updateBusiness,
} from './store/businesses';

// Merchants

export { createMerchant } from './create-merchant';
export { findMerchant, listMerchants, type Merchant } from './store/merchants';

// Fees

export { createFeeSchedule } from './create-fee-schedule';
export { type Fee, feeOf, feeReturned, feeTermsText, taxOn } from './rules/fees';
export {
  type FeeSchedule,
  feeScheduleFor,
  feeSchedulesFor,
  findFeeSchedule,
  hasFeeScheduleSql,
  listFeeSchedules,
} from './store/fee-schedules';
