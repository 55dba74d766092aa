import type { DeliveryEngine } from '../delivery/delivery-engine';
import type { EndpointWorkflows } from '../endpoint-workflows';
import type { WebhookMetrics } from '../metrics';
import type { OrderedRunner } from '../ordering/ordered-runner';
import { JITTER } from '../rules/retry-schedule';
import type { NewMessage, StoredDelivery } from '../store/publish';
import type { Coverage } from './coverage';

/** What the deliveries of one commit have in common. */
export interface CommitTerms {
  /** The slot of the coverage that planned the commit. */
  slot: number;
  /** Absent when first attempts are left to the workflow. */
  lease: string | undefined;
  /** How long the leases outlast the endpoints' timeouts, and until when an attempt may begin under them. */
  leaseSlackMs: number;
  startBeforeMs: number;
}

export interface HandOverDeps {
  engine: DeliveryEngine;
  coverage: Coverage;
  backlogs: EndpointWorkflows;
  ordered: Pick<OrderedRunner, 'run'>;
  metrics: WebhookMetrics;
}

/** Hands a committed delivery to its first attempt and to a covering workflow. */
export function createHandOver({ engine, coverage, backlogs, ordered, metrics }: HandOverDeps) {
  return (message: NewMessage, delivery: StoredDelivery, terms: CommitTerms): void => {
    const { slot, lease, leaseSlackMs, startBeforeMs } = terms;
    metrics.deliveries.inc();
    if (delivery.held) return;
    if (delivery.backlog) {
      if (delivery.ordered && lease !== undefined) ordered.run(delivery.endpointId, delivery.endpointVersion);
      backlogs.ensure({ endpointId: delivery.endpointId, tenantId: message.tenantId });
      return;
    }
    const dueInMs = lease === undefined ? 0 : soonestRetryMs(delivery, leaseSlackMs);
    const onEnd = coverage.add(slot, message.tenantId, delivery, dueInMs);
    if (lease === undefined) return;
    engine.attemptLeased(
      {
        deliveryId: delivery.id,
        tenantId: message.tenantId,
        messageId: message.id,
        endpointId: delivery.endpointId,
        endpointVersion: delivery.endpointVersion,
        body: message.body,
        lease,
        attempts: 0,
        attemptsInRun: 0,
        createdAtMs: message.createdAt.getTime(),
        startBeforeMs,
        failover: delivery.failover,
        probe: delivery.probe,
        eventType: message.eventType,
        lane: delivery.lane,
      },
      'accept',
      onEnd,
    );
  };
}

/** When a delivery whose first attempt fails at once can be due again; without retries, when its lease ends. */
function soonestRetryMs(delivery: StoredDelivery, leaseSlackMs: number): number {
  const leaseMs = delivery.timeoutMs + leaseSlackMs;
  return delivery.firstRetryMs === undefined ? leaseMs : Math.min(delivery.firstRetryMs * (1 - JITTER), leaseMs);
}
