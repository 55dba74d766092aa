import type { Pool } from 'pg';
import { GroupCommit } from '../../../core/group-commit';
import type { PublicId } from '../../../core/ids';
import { PermanentError } from '../../../core/permanent-error';
import { isItemFault, sqlState } from '../../../infra/postgres/errors';
import { inTransaction, type Queryable } from '../../../infra/postgres/pool';
import type { EventOutbox, StoreEvents } from '../../webhooks';
import type { Accepted } from '../accepting/under-way';
import type { PaymentDeps } from '../deps';
import { PaymentRefusal } from '../refusals';
import { acceptPayments, type FirstStep, findByRequestKey, type NewPayment } from '../store/accept-payments';
import type { Payment, PaymentSource } from '../store/payments';
import { storingEvents } from '../tell-events';
import { payFromWallets } from '../wallets/pay-from-wallets';
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

/**
 * Stores payments before anything is done for them, many in one statement. Those from wallets need no call to a provider,
 * and have usually ended when they are stored.
 */
export interface Acceptor {
  /**
   * @param identify - the new payment's id and workflow, asked once per try
   * @throws PaymentRefusal when the order cannot be paid so, or the key was used for another payment
   */
  accept(request: PaymentRequest, identify: () => { id: PublicId; workflowId: string }): Promise<Accepted<Payment>>;
  drain(): Promise<void>;
}

/** @param outbox - for the events of payments that end while they are accepted */
export function createAcceptor(deps: PaymentDeps, firstStep: FirstStep, outbox?: EventOutbox): Acceptor {
  const { pool } = deps;
  const accepting = committer((payments) => acceptPayments(pool, payments, firstStep));
  // Apart from cards, whose requests would wait for these longer transactions.
  const paying = committer((payments) =>
    storingEvents(deps, outbox, (store) =>
      inTransaction(pool, (db) => acceptAndPay(db, payments, { firstStep, store })),
    ),
  );

  async function stored(payment: NewPayment): Promise<Payment | undefined> {
    const paysHere = payment.source.type === 'wallet' && firstStep.claim !== undefined;
    try {
      return await (paysHere ? paying : accepting).add(payment);
    } catch (error) {
      // Another process has taken the key or the order in this moment: look again.
      if (sqlState(error) === UNIQUE_VIOLATION) return undefined;
      // It cannot be posted: its first step finds that again, and ends it.
      if (paysHere && isFaultOfOne(error)) return accepting.add(payment);
      throw error;
    }
  }

  return {
    async drain() {
      await paying.drain();
      await accepting.drain();
    },
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

function committer(
  commit: (payments: readonly NewPayment[]) => Promise<(Payment | undefined)[]>,
): GroupCommit<NewPayment, Payment | undefined> {
  return new GroupCommit({
    maxBatch: MAX_BATCH,
    maxInFlight: 1,
    maxWaiting: MAX_WAITING,
    groupOf: ({ tenantId }) => tenantId,
    isItemFault: isFaultOfOne,
    commit,
  });
}

function isFaultOfOne(error: unknown): boolean {
  return error instanceof PermanentError || isItemFault(error);
}

/** Accepts payments from wallets and pays those that are accepted. Nobody else sees them before they have ended. */
async function acceptAndPay(
  db: Queryable,
  payments: readonly NewPayment[],
  { firstStep, store }: { firstStep: FirstStep; store: StoreEvents },
): Promise<(Payment | undefined)[]> {
  const accepted = await acceptPayments(db, payments, firstStep);
  const made = accepted.filter((payment) => payment !== undefined);
  const ended = new Map((await payFromWallets(db, made, store)).map((payment) => [payment.id, payment]));
  return payments.map(({ id }) => ended.get(id));
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
