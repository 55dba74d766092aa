import type { Paying, PaymentDeps, Refunding } from '../../domains/payments';
import type { DoorContext } from '../http/door';

/** What the payment routes need. */
export interface PaymentRouteDeps extends PaymentDeps, Pick<DoorContext, 'reads' | 'workflowUrl'> {
  paying: Paying;
  refunding: Refunding;
}
