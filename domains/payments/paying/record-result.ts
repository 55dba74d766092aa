import { inTransaction } from '../../../infra/postgres/pool';
import type { EventOutbox } from '../../webhooks';
import type { PaymentDeps } from '../deps';
import { PaymentFault } from '../rules/errors';
import type { Payment } from '../store/payments';
import { storingEvents } from '../tell-events';
import { applyResults, type PaymentResult } from './apply-results';

/**
 * Records what became of one payment, in a transaction of its own.
 *
 * @returns the payment as it is now
 * @throws PaymentFault when a capture cannot be posted: the merchant has no fee schedule
 */
export async function recordResult(deps: PaymentDeps, result: PaymentResult, outbox?: EventOutbox): Promise<Payment> {
  const [outcome] = await storingEvents(deps, outbox, (store) =>
    inTransaction(deps.pool, (db) => applyResults(db, [result], store)),
  );
  if (outcome === undefined || outcome instanceof PaymentFault) throw outcome ?? new Error('a result has no outcome');
  return outcome;
}
