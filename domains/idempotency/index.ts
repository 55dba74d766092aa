// A request that is executed once, however often it is sent.

export {
  type FinalAnswer,
  type HeldRequest,
  type HoldResult,
  holdRequest,
  type IdempotentRequest,
} from './hold-request';

// Upkeep.

export { removeExpiredIdempotencyKeys } from './store/idempotency';
