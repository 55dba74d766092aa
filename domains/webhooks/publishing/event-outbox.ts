import { randomUUID } from 'node:crypto';
import type { Platform } from '../../../infra/platform/platform';
import type { Queryable } from '../../../infra/postgres/pool';
import { openBacklogs } from '../backlog/open-backlogs';
import { webhooksConfig } from '../config';
import { startBefore } from '../delivery/lease-desk';
import { openDispatch } from '../delivery/open-dispatch';
import { webhookMetrics } from '../metrics';
import { type NewMessage, type StoredDelivery, storeMessages } from '../store/publish';
import { deliverEvents, type EventDeliveryDeps } from './deliver-events';
import { conflictMetrics, type EventOfConflict, reportConflict } from './event-conflict';
import { PUBLISHING_SLOTS } from './group-commit-publisher';
import { type CommitTerms, createHandOver } from './hand-over';
import { openPublishing } from './open-publishing';
import { eventMessage, type OwnEvent, otherHolder, type StoredEvent, storeEvent } from './publish-event';

/** Stores events within a transaction; one that is stored already is left as it is. */
export type StoreEvents = (db: Queryable, events: readonly OwnEvent[]) => Promise<void>;

/** Stores Waybill's own events along with what they report, and has them delivered. */
export interface EventOutbox {
  /**
   * Runs a transaction that stores events. Once it has committed they are delivered; if the process dies before, the sweep
   * delivers them.
   */
  storing<T>(transaction: (store: StoreEvents) => Promise<T>): Promise<T>;
}

/** The outbox of a process that makes first attempts: its events are attempted and covered as published messages are. */
export function openEventOutbox(platform: Platform): EventOutbox {
  const { coverage } = platform.once(openPublishing);
  const { engine, ordered } = openDispatch(platform);
  const metrics = platform.metrics.of(webhookMetrics);
  const handOver = createHandOver({ engine, coverage, backlogs: openBacklogs(platform), ordered, metrics });
  const conflictMetric = platform.metrics.of(conflictMetrics);
  const attemptsHere = platform.settings.of(webhooksConfig).WAYBILL_FIRST_ATTEMPT === 'api';
  const free: number[] = [];
  let slots = PUBLISHING_SLOTS;

  return {
    async storing(transaction) {
      const slot = free.pop() ?? slots++;
      const lease = attemptsHere ? randomUUID() : undefined;
      const plan = coverage.plan(slot);
      const leaseSlackMs = Math.ceil(engine.leaseSlackMs());
      const terms: CommitTerms = { slot, lease, leaseSlackMs, startBeforeMs: startBefore(Date.now(), leaseSlackMs) };
      const made: [NewMessage, StoredDelivery][] = [];
      const conflicts: EventOfConflict[] = [];
      try {
        const result = await transaction(async (db, events) => {
          if (events.length === 0) return;
          const messages: NewMessage[] = [];
          for (const event of events) messages.push(await eventMessage(db, event));
          const sharedOffset = plan.sharedOffset + made.length;
          const stored = await storeMessages(db, messages, { lease, leaseSlackMs, ...plan, sharedOffset });
          for (const [index, message] of messages.entries()) {
            const deliveries = stored[index];
            const event = events[index];
            if (deliveries === undefined && event !== undefined) {
              conflicts.push({ ...event, conflictsWith: await otherHolder(db, message) });
            }
            for (const delivery of deliveries ?? []) made.push([message, delivery]);
          }
        });
        for (const [message, delivery] of made) handOver(message, delivery, terms);
        for (const event of conflicts) reportConflict({ log: platform.log, metrics: conflictMetric }, event);
        return result;
      } finally {
        coverage.committed(slot);
        free.push(slot);
      }
    },
  };
}

/** The outbox of any other process: workflows attempt its events. */
export function createCoveredOutbox(deps: EventDeliveryDeps): EventOutbox {
  return {
    async storing(transaction) {
      const stored: StoredEvent[] = [];
      const result = await transaction(async (db, events) => {
        for (const event of events) stored.push(await storeEvent(db, event));
      });
      await deliverEvents(deps, stored);
      return result;
    },
  };
}
