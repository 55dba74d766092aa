import { randomUUID } from 'node:crypto';
import { newId } from '../../core/ids';
import { approvalsConfig } from '../../domains/approvals';
import { paymentsConfig } from '../../domains/payments/config';
import { paymentDeps } from '../../domains/payments/deps';
import { authorise, capture } from '../../domains/payments/paying/provider-calls';
import { recordResult } from '../../domains/payments/paying/record-result';
import { paymentWorkflowId } from '../../domains/payments/rules/workflow-names';
import { acceptPayments } from '../../domains/payments/store/accept-payments';
import { type EventOutbox, storeEvent } from '../../domains/webhooks';
import { openPlatform } from '../../infra/platform/platform';
import { TOKEN } from './customers';
import type { PaymentStack } from './payment-stack';

const CONNECTIONS = 10;
const LEASE_MS = 30_000;

/** The same statements and the same calls to the provider, one after the other, without API and workflow. */
export interface Bare {
  pay(orderId: string): Promise<void>;
  close(): Promise<void>;
}

export function openBare({ stack, tenantId, env }: PaymentStack): Bare {
  const platform = openPlatform({
    name: 'bench',
    fragments: [approvalsConfig, paymentsConfig],
    env: {
      ...env,
      DATABASE_URL: stack.servers.postgres.address,
      WAYBILL_KEYS: `bench:${Buffer.alloc(32, 1).toString('base64')}`,
      WAYBILL_LOG_LEVEL: 'silent',
      WAYBILL_DATABASE_CONNECTIONS: String(CONNECTIONS),
    },
  });
  const { pool } = platform;
  const deps = paymentDeps(platform);
  const outbox: EventOutbox = {
    storing: (transaction) =>
      transaction(async (db, events) => {
        for (const event of events) await storeEvent(db, event);
      }),
  };
  return {
    async pay(orderId) {
      const id = newId('pay');
      const claim = randomUUID();
      const source = { type: 'card' as const, token: TOKEN };
      const request = { id, tenantId, orderId, source, requestKey: randomUUID(), workflowId: paymentWorkflowId(id) };
      const [payment] = await acceptPayments(pool, [request], { claim, leaseMs: LEASE_MS });
      if (payment === undefined) throw new Error('a payment is not accepted');
      const authorised = await authorise(deps.provider(), payment);
      if (authorised.outcome !== 'answered' || authorised.standing.state !== 'authorised') {
        throw new Error('a payment is not authorised');
      }
      const captured = await capture(deps.provider(), payment, authorised.standing.charge.id);
      if (captured.outcome !== 'answered' || captured.standing.state !== 'captured') {
        throw new Error('a payment is not captured');
      }
      await recordResult(deps, { kind: 'captured', payment, charge: captured.standing.charge }, outbox);
    },
    close: () => platform.close(),
  };
}
