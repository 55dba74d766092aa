import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { GroupCommit } from '../../../core/group-commit';
import { timeOfId } from '../../../core/ids';
import { isItemFault } from '../../../infra/postgres/errors';
import type { BacklogStarter } from '../backlog/backlog-starter';
import type { WebhooksConfig } from '../config';
import { type DeliveryEngine, startBefore } from '../delivery/delivery-engine';
import type { WebhookMetrics } from '../metrics';
import { JITTER } from '../rules/retry-schedule';
import { deliveriesOfMessage, findKeyHolders, releaseKeys } from '../store/message-keys';
import { type NewMessage, type StoredDelivery, type StoreResult, storeMessages } from '../store/publish';
import { createBackpressure } from './backpressure';
import type { Coverage } from './coverage';
import { newMessage } from './new-message';
import type { Publisher, PublishResult } from './publisher';

/** Measured: larger batches gain nothing, two in flight keep Postgres busy while the next batch gathers. */
export const COMMIT_BATCH = 200;
export const COMMITS_IN_FLIGHT = 2;

/** Most characters of content in one commit; Postgres holds a batch in memory more than once. */
const COMMIT_BYTES = 1_000_000;

const MAX_WAITING = 20_000;

/** A publish that loses a race for a key tries again; losing more often than this means a fault. */
const MAX_TRIES = 5;

export interface PublisherDeps {
  pool: Pool;
  config: WebhooksConfig;
  engine: DeliveryEngine;
  coverage: Coverage;
  backlogs: BacklogStarter;
  metrics: WebhookMetrics;
}

export interface GroupCommitPublisher extends Publisher {
  /** Resolves when every accepted message is committed. */
  drain(): Promise<void>;
}

/** What the deliveries of one commit have in common. */
interface Batch {
  slot: number;
  /** Absent when first attempts are left to the workflow. */
  lease: string | undefined;
  /** How long the leases outlast the endpoints' timeouts, and until when an attempt may begin under them. */
  leaseSlackMs: number;
  startBeforeMs: number;
}

/** Makes messages durable by group commit, then hands their deliveries to the first attempt and to a covering workflow. */
export function createGroupCommitPublisher(deps: PublisherDeps): GroupCommitPublisher {
  const { pool, config, engine, coverage, backlogs, metrics } = deps;
  const attemptsHere = config.WAYBILL_FIRST_ATTEMPT === 'api';

  const backpressure = createBackpressure({ backlog: () => engine.waiting });
  const commits = new GroupCommit<NewMessage, StoreResult>({
    maxBatch: COMMIT_BATCH,
    weigh: { of: (message) => message.body.length, maxBatchWeight: COMMIT_BYTES },
    maxInFlight: COMMITS_IN_FLIGHT,
    maxWaiting: MAX_WAITING,
    commit,
    isItemFault,
    onBatch: (size) => metrics.batchSize.observe({ kind: 'messages' }, size),
  });

  async function commit(messages: readonly NewMessage[], slot: number): Promise<readonly StoreResult[]> {
    await backpressure();
    const lease = attemptsHere ? randomUUID() : undefined;
    const plan = coverage.plan(slot);
    const leaseSlackMs = Math.ceil(engine.leaseSlackMs());
    const batch = { slot, lease, leaseSlackMs, startBeforeMs: startBefore(Date.now(), leaseSlackMs) };
    try {
      const results = await storeMessages(pool, messages, { lease, leaseSlackMs, ...plan });
      messages.forEach((message, index) => {
        for (const delivery of results[index] ?? []) handOver(message, delivery, batch);
      });
      return results;
    } finally {
      coverage.committed(slot);
    }
  }

  function handOver(message: NewMessage, delivery: StoredDelivery, batch: Batch): void {
    const { slot, lease, leaseSlackMs, startBeforeMs } = batch;
    metrics.deliveries.inc();
    if (delivery.held) return;
    if (delivery.backlog) {
      backlogs.joined({ endpointId: delivery.endpointId, tenantId: message.tenantId });
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
      },
      'accept',
      onEnd,
    );
  }

  async function answerDuplicate(message: NewMessage): Promise<PublishResult | undefined> {
    await releaseKeys(pool, message.id);
    const holders = await findKeyHolders(pool, message.tenantId, message.keys);
    const other = holders.find((holder) => holder.fingerprint !== message.fingerprint);
    if (other !== undefined) {
      return { outcome: 'conflict', key: other.key.startsWith('event:') ? 'eventId' : 'idempotencyKey' };
    }
    const holder = holders[0];
    if (holder === undefined) return undefined;
    metrics.duplicates.inc();
    return {
      outcome: 'accepted',
      duplicate: true,
      id: holder.messageId,
      createdAt: new Date(timeOfId(holder.messageId)),
      deliveries: await deliveriesOfMessage(pool, holder.messageId),
    };
  }

  return {
    drain: () => commits.drain(),
    async publish(input) {
      for (let tries = 1; tries <= MAX_TRIES; tries++) {
        const message = newMessage(input);
        const deliveries = await commits.add(message);
        if (deliveries !== undefined) {
          metrics.accepted.inc();
          return { outcome: 'accepted', duplicate: false, id: message.id, createdAt: message.createdAt, deliveries };
        }
        const answer = await answerDuplicate(message);
        if (answer !== undefined) return answer;
      }
      throw new Error('a publish lost the race for its keys again and again');
    },
  };
}

/** When a delivery whose first attempt fails at once can be due again; without retries, when its lease ends. */
function soonestRetryMs(delivery: StoredDelivery, leaseSlackMs: number): number {
  const leaseMs = delivery.timeoutMs + leaseSlackMs;
  return delivery.firstRetryMs === undefined ? leaseMs : Math.min(delivery.firstRetryMs * (1 - JITTER), leaseMs);
}
