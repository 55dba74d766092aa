import type { PaymentDeps } from '../../domains/payments';
import type { DoorContext } from '../http/door';

/** What the routes about payments are made with. */
export interface PaymentRouteDeps extends PaymentDeps, Pick<DoorContext, 'workflowUrl'> {}
