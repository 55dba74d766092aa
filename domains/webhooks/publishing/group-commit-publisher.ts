import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { GroupCommit, Overloaded } from '../../../core/group-commit';
import { timeOfId } from '../../../core/ids';
import { isItemFault, sqlState } from '../../../infra/postgres/errors';
import { databaseClock, TOO_OLD } from '../../../infra/postgres/followed-lists';
import { inTransaction } from '../../../infra/postgres/pool';
import type { WebhooksConfig } from '../config';
import type { DeliveryEngine } from '../delivery/delivery-engine';
import { startBefore } from '../delivery/lease-desk';
import type { EndpointWorkflows } from '../endpoint-workflows';
import type { WebhookMetrics } from '../metrics';
import type { OrderedRunner } from '../ordering/ordered-runner';
import { isRepetition } from '../rules/envelope';
import type { Lane } from '../rules/lane';
import { deliveriesOfMessage, findKeyHolders, releaseKeys } from '../store/message-keys';
import { type NewMessage, type StoreOptions, type StoreResult, storeMessages } from '../store/publish';
import { createBackpressure } from './backpressure';
import type { Coverage } from './coverage';
import { createFanOut, HEAVY_DELIVERIES } from './fan-out';
import { createHandOver } from './hand-over';
import { createLaneCommits, LANE_SHARES, LANE_SLOTS } from './lane-commits';
import { lanesOfMessage, type MessageLanes } from './message-lanes';
import { newMessage } from './new-message';
import type { Publisher, PublishInput, PublishResult } from './publisher';

/** Measured: larger batches gain nothing, two in flight (see LANE_SHARES) keep Postgres busy while the next batch gathers. */
export const COMMIT_BATCH = 200;
export const COMMITS_IN_FLIGHT = LANE_SHARES.normal.inFlight;

/** Heavy messages are stored one commit after the other, in slots of their own. */
const HEAVY_COMMITS_IN_FLIGHT = 1;

/** The slots of the coverage that publishing uses are below this. */
export const PUBLISHING_SLOTS = LANE_SLOTS + HEAVY_COMMITS_IN_FLIGHT;

const HEAVY_STATEMENT_MS = 30_000;

/** Most characters of content in one commit; Postgres holds a batch in memory more than once. */
const COMMIT_BYTES = 1_000_000;

/** What a delivery counts for: a row with its entries in four indexes. So a commit makes 2,000 at most. */
const BYTES_PER_DELIVERY = 500;

/** Most characters of content that wait for a commit. */
const MAX_WAITING_BYTES = 64_000_000;

/** While more first attempts wait than this, a saturated process stores no heavy message. */
const HEAVY_HIGH_WATER = 500;
const HEAVY_MAX_HOLD_MS = 5_000;

const MAX_WAITING = 20_000;

/** Bulk waits sooner and longer than others for a saturated process. */
const BULK_HIGH_WATER = 500;
const BULK_MAX_HOLD_MS = 1_000;

/** A publish that loses a race for a key tries again; losing more often than this means a fault. */
const MAX_TRIES = 5;

export interface PublisherDeps {
  pool: Pool;
  config: WebhooksConfig;
  engine: DeliveryEngine;
  coverage: Coverage;
  backlogs: EndpointWorkflows;
  ordered: Pick<OrderedRunner, 'run'>;
  metrics: WebhookMetrics;
}

export interface GroupCommitPublisher extends Publisher {
  /** Resolves when every accepted message is committed. */
  drain(): Promise<void>;
}

/** A message, and how many deliveries it will make as far as is known. */
interface Weighed {
  /** Replaced by one with a new id if it has waited too long. */
  message: NewMessage;
  input: PublishInput;
  deliveries: number;
  lanes: MessageLanes;
}

/** A message as it was stored at last. */
interface Stored {
  message: NewMessage;
  made: StoreResult;
}

/** A message that has waited longer for its commit gets a new id: who follows the list may have passed its place. */
const RENEW_AFTER_MS = 500;

function renew(items: readonly Weighed[]): void {
  const before = Date.now() - RENEW_AFTER_MS;
  for (const item of items) if (item.message.createdAt.getTime() <= before) renewItem(item);
}

/** Its lanes stay: they were decided when it was accepted. */
function renewItem(item: Weighed, atMs?: number): void {
  item.message = { ...newMessage(item.input, atMs), lanes: item.lanes.byTier };
}

/** How a kind of commit goes. */
interface Kind {
  slot: number;
  /** Awaited before the commit. */
  hold(): Promise<void>;
  store(messages: readonly NewMessage[], options: StoreOptions): Promise<StoreResult[]>;
}

/** Makes messages durable by group commit, then hands their deliveries to the first attempt and to a covering workflow. */
export function createGroupCommitPublisher(deps: PublisherDeps): GroupCommitPublisher {
  const { pool, config, engine, coverage, metrics } = deps;
  const attemptsHere = config.WAYBILL_FIRST_ATTEMPT === 'api';
  const handOver = createHandOver(deps);

  const fanOut = createFanOut({ db: pool });
  const backlog = () => engine.waiting;
  const hold = createBackpressure({ backlog });
  const holdHeavy = createBackpressure({ backlog, highWater: HEAVY_HIGH_WATER, maxHoldMs: HEAVY_MAX_HOLD_MS });
  const holds: Record<Lane, () => Promise<void>> = {
    urgent: async () => undefined,
    normal: hold,
    bulk: createBackpressure({ backlog, highWater: BULK_HIGH_WATER, maxHoldMs: BULK_MAX_HOLD_MS }),
  };
  const sizeOf = ({ message }: Weighed) => message.body.length;
  const common = {
    maxBatch: COMMIT_BATCH,
    weigh: {
      of: ({ message, deliveries }: Weighed) => message.body.length + deliveries * BYTES_PER_DELIVERY,
      maxBatchWeight: COMMIT_BYTES,
    },
    groupOf: ({ message }: Weighed) => message.tenantId,
    isItemFault,
    onBatch: (size: number) => metrics.batchSize.observe({ kind: 'messages' }, size),
  };
  const commits = createLaneCommits<Weighed, StoreResult>({
    ...common,
    sizeOf,
    commit: (lane, items, slot) =>
      commit(items, { slot, hold: holds[lane], store: (input, options) => storeMessages(pool, input, options) }),
  });
  /** For messages with many deliveries, so that none of the others waits for what one of these takes. */
  const heavyCommits = new GroupCommit<Weighed, StoreResult>({
    ...common,
    maxInFlight: HEAVY_COMMITS_IN_FLIGHT,
    maxWaiting: MAX_WAITING,
    size: { of: sizeOf, maxWaiting: MAX_WAITING_BYTES },
    commit: (items, slot) => commit(items, { slot: LANE_SLOTS + slot, hold: holdHeavy, store: storeHeavy }),
  });

  function storeHeavy(messages: readonly NewMessage[], options: StoreOptions): Promise<StoreResult[]> {
    return inTransaction(pool, (client) => storeMessages(client, messages, options), {
      statementTimeoutMs: HEAVY_STATEMENT_MS,
    });
  }

  let estimatedBytes = 0;

  /** What waits for its estimate is bounded like what waits for a commit. */
  async function estimated({ body }: NewMessage, estimate: Promise<number>): Promise<number> {
    if (estimatedBytes + body.length > MAX_WAITING_BYTES)
      throw new Overloaded('too many messages wait for the database');
    estimatedBytes += body.length;
    try {
      return await estimate;
    } finally {
      estimatedBytes -= body.length;
    }
  }

  async function store(message: NewMessage, input: PublishInput): Promise<Stored> {
    const estimate = fanOut.estimate(message);
    const deliveries = typeof estimate === 'number' ? estimate : await estimated(message, estimate);
    const lanes = lanesOfMessage(input, fanOut.rulesOf(input.tenantId), message.createdAt.getTime());
    const item = { message: { ...message, lanes: lanes.byTier }, input, deliveries, lanes };
    const made = await (deliveries > HEAVY_DELIVERIES ? heavyCommits : commits.of(lanes.own)).add(item);
    return { message: item.message, made };
  }

  async function commit(items: readonly Weighed[], { slot, hold, store }: Kind): Promise<readonly StoreResult[]> {
    await hold();
    const lease = attemptsHere ? randomUUID() : undefined;
    const plan = coverage.plan(slot);
    const leaseSlackMs = Math.ceil(engine.leaseSlackMs());
    const batch = { slot, lease, leaseSlackMs, startBeforeMs: startBefore(Date.now(), leaseSlackMs) };
    try {
      const { messages, results } = await storeYoung(items, (young) => store(young, { lease, leaseSlackMs, ...plan }));
      messages.forEach((message, index) => {
        const deliveries = results[index];
        if (deliveries === undefined) return;
        fanOut.made(message, deliveries.length);
        for (const delivery of deliveries) handOver(message, delivery, batch);
      });
      return results;
    } finally {
      coverage.committed(slot);
    }
  }

  /** Stores messages whose ids are young enough, even if a connection was long in coming. */
  async function storeYoung(items: readonly Weighed[], store: (messages: NewMessage[]) => Promise<StoreResult[]>) {
    renew(items);
    for (let tries = 1; ; tries++) {
      const messages = items.map(({ message }) => message);
      try {
        return { messages, results: await store(messages) };
      } catch (error) {
        if (sqlState(error) !== TOO_OLD || tries === MAX_TRIES) throw error;
        // Either a connection was long in coming, or our clock is behind: the database's is the one that counts.
        const nowMs = await databaseClock(pool);
        for (const item of items) renewItem(item, nowMs);
      }
    }
  }

  async function answerDuplicate(message: NewMessage, input: PublishInput): Promise<PublishResult | undefined> {
    await releaseKeys(pool, message.id);
    const holders = await findKeyHolders(pool, message.tenantId, message.keys);
    const other = holders.find(({ fingerprint }) => !isRepetition(fingerprint, input, input.data));
    if (other !== undefined) {
      return { outcome: 'conflict', key: other.key.startsWith('request:') ? 'idempotencyKey' : 'eventId' };
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
    async drain() {
      await fanOut.drain();
      // Who waited for an estimate goes on to the commits in this turn.
      await new Promise((resolve) => setImmediate(resolve));
      await Promise.all([commits.drain(), heavyCommits.drain()]);
    },
    async publish(input) {
      for (let tries = 1; tries <= MAX_TRIES; tries++) {
        const { message, made: deliveries } = await store(newMessage(input), input);
        if (deliveries !== undefined) {
          metrics.accepted.inc();
          return { outcome: 'accepted', duplicate: false, id: message.id, createdAt: message.createdAt, deliveries };
        }
        const answer = await answerDuplicate(message, input);
        if (answer !== undefined) return answer;
      }
      throw new Error('a publish lost the race for its keys again and again');
    },
  };
}
