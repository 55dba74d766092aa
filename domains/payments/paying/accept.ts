import type { Pool } from 'pg';
import { GroupCommit } from '../../../core/group-commit';
import type { PublicId } from '../../../core/ids';
import { isItemFault, sqlState } from '../../../infra/postgres/errors';
import type { Accepted } from '../accepting/under-way';
import type { PaymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import { acceptPayments, type FirstStep, findByRequestKey, type NewPayment } from '../store/accept-payments';
import type { Payment, PaymentSource } from '../store/payments';
import { whyNot } from './why-not';

const MAX_BATCH = 100;
const MAX_WAITING = 5_000;

/** A request whose order, key or reason not to pay changes while it is looked at is looked at again, so often at most. */
const MAX_LOOKS = 5;

const UNIQUE_VIOLATION = '23505';

/** What a request asks for. */
export interface PaymentRequest {
  tenantId: PublicId;
  orderId: PublicId;
  source: PaymentSource;
  requestKey: string;
}

/** Stores payments before anything is done for them, many in one statement. */
export interface Acceptor {
  /**
   * @param identify - the new payment's id and workflow, asked once per try
   * @throws PaymentRefusal when the order cannot be paid so, or the key was used for another payment
   */
  accept(request: PaymentRequest, identify: () => { id: PublicId; workflowId: string }): Promise<Accepted<Payment>>;
  drain(): Promise<void>;
}

export function createAcceptor(deps: PaymentDeps, firstStep: FirstStep): Acceptor {
  const { pool } = deps;
  const commits = new GroupCommit<NewPayment, Payment | undefined>({
    maxBatch: MAX_BATCH,
    maxInFlight: 1,
    maxWaiting: MAX_WAITING,
    groupOf: ({ tenantId }) => tenantId,
    isItemFault,
    commit: (payments) => acceptPayments(pool, payments, firstStep),
  });

  async function stored(payment: NewPayment): Promise<Payment | undefined> {
    try {
      return await commits.add(payment);
    } catch (error) {
      // Another process has taken the key or the order in this moment: look again.
      if (sqlState(error) === UNIQUE_VIOLATION) return undefined;
      throw error;
    }
  }

  return {
    drain: () => commits.drain(),
    async accept(request, identify) {
      for (let look = 0; look < MAX_LOOKS; look++) {
        const payment = await stored({ ...request, ...identify() });
        if (payment !== undefined) return { item: payment, isNew: true };
        const known = await knownPayment(pool, request);
        if (known !== undefined) return { item: known, isNew: false };
        const refusal = await whyNot(deps, request.tenantId, request);
        if (refusal !== undefined) throw refusal;
      }
      throw new PaymentRefusal('order-not-payable', 'The order changes too fast: try again.');
    },
  };
}

async function knownPayment(pool: Pool, request: PaymentRequest): Promise<Payment | undefined> {
  const known = await findByRequestKey(pool, request.tenantId, request.requestKey);
  if (known === undefined || isFor(known, request)) return known;
  throw new PaymentRefusal('key-reuse', 'The Idempotency-Key was used before for another payment: use a new one.');
}

function isFor({ orderId, source }: Payment, request: PaymentRequest): boolean {
  if (orderId !== request.orderId) return false;
  if (source.type === 'card') return request.source.type === 'card' && request.source.token === source.token;
  return request.source.type === 'wallet' && request.source.walletId === source.walletId;
}
