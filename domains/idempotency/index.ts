// A request that is executed once, however often it is sent.

export {
  type ExecutedRequest,
  type FinalAnswer,
  type HeldRequest,
  type HoldResult,
  holdRequest,
  type IdempotentRequest,
} from './hold-request';
export { createRenewals } from './renewals';

// Upkeep.

export { removeExpiredIdempotencyKeys } from './store/idempotency';
