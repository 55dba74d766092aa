import type { PublicId } from '../../core/ids';
import type { Queryable } from './pool';

/**
 * Call first in a transaction that must not happen once another execution has taken the request over: delays a
 * take-over until the transaction ends. Throws when the request has been taken over already.
 */
export type Fence = (db: Queryable) => Promise<void>;

/** The effect of a tenant's request, however often the request is executed. */
export interface Effect {
  tenantId: PublicId;
  /**
   * The same for every execution of a repeated request, so an id derived from it with `asId` finds what an interrupted
   * execution has made.
   */
  readonly effectId: PublicId;
  /** Does nothing for a request that cannot be repeated. */
  fence: Fence;
}
