export { merchants } from './domain';
export {
  addDays,
  type BusinessDay,
  businessDateAt,
  businessDay,
  lastClosedDate,
  lastCutoff,
} from './rules/business-day';
export { type Fee, feeOf, feeReturned, taxOn } from './rules/fees';
export { type Business, findBusiness, listBusinesses, putBusiness } from './store/businesses';
export {
  type FeeSchedule,
  feeScheduleFor,
  findFeeSchedule,
  insertFeeSchedule,
  listFeeSchedules,
} from './store/fee-schedules';
export { findMerchant, insertMerchant, listMerchants, type Merchant } from './store/merchants';
