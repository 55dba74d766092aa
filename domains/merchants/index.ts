export { merchants } from './domain';
export { requireBusiness, requireMerchant } from './require';

// Businesses and their days

export {
  addDays,
  type BusinessDay,
  businessDateAt,
  businessDay,
  lastClosedDate,
  lastCutoff,
} from './rules/business-day';
export { type Business, findBusiness, listBusinesses, putBusiness } from './store/businesses';

// Merchants

export { createMerchant } from './create-merchant';
export { findMerchant, listMerchants, type Merchant } from './store/merchants';

// Fees

export { createFeeSchedule } from './create-fee-schedule';
export { type Fee, feeOf, feeReturned, taxOn } from './rules/fees';
export {
  type FeeSchedule,
  feeScheduleFor,
  feeSchedulesFor,
  findFeeSchedule,
  hasFeeScheduleSql,
  listFeeSchedules,
} from './store/fee-schedules';
