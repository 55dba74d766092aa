import type { PublicId } from '../../core/ids';
import type { Queryable } from './pool';

/**
 * To be called first in a transaction that must not happen once another execution has taken the request over: holds a
 * take-over back until the transaction's end. Throws when it has been taken over already.
 */
export type Fence = (db: Queryable) => Promise<void>;

/** What a request of a tenant brings about, however often the request is executed. */
export interface Effect {
  tenantId: PublicId;
  /**
   * The same for every execution of a request that is repeated, so an id derived from it with `asId` finds what an
   * execution that was cut off has made.
   */
  readonly effectId: PublicId;
  /** Does nothing for a request that cannot be repeated. */
  fence: Fence;
}
