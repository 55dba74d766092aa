import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { GroupCommit } from '../../../core/group-commit';
import type { PublicId } from '../../../core/ids';
import type { Logger } from '../../../infra/log';
import type { WebhookMetrics } from '../metrics';
import type { Lane } from '../rules/lane';
import { type Backlog, moveToBacklog } from '../store/backlog';
import { findEndpointState } from '../store/endpoint-config';
import {
  type Leased,
  type LeaseOptions,
  type LeaseResult,
  leaseBacklog,
  leaseDue,
  leaseHead,
  leaseHeld,
  releaseLeases,
} from '../store/leases';
import { GRACE_MS } from '../store/open-state';
import { createBacklogTurns } from './backlog-turns';
import type { AttemptEnd, LeasedDelivery } from './leased-delivery';

/** How long a lease outlasts the endpoint's timeout: time to wait for a turn and to record the outcome. */
export const LEASE_SLACK_MS = 10_000;

/** An attempt may begin while this much of the slack is left, so that its outcome is recorded under the lease. */
const RECORD_RESERVE_MS = 4_000;

const MAX_BATCH = 200;
const MAX_LEASE_BATCH = 50;

/** A due delivery of which nobody holds the lease. */
export interface DueDelivery {
  id: PublicId;
  tenantId: PublicId;
  endpointId: PublicId;
  /** Normal where absent. */
  lane?: Lane;
}

/** Takes leases and gives them up, many in one statement. */
export interface LeaseDesk {
  /** @returns undefined when it is not due, held by others, or stopped by its endpoint's state */
  leaseDue(deliveryId: PublicId): Promise<LeasedDelivery | undefined>;
  /** Takes the leases of what is most overdue in an endpoint's backlog. @returns `moved`: how many are no longer due */
  leaseBacklog(endpointId: PublicId, limit: number): Promise<{ leased: LeasedDelivery[]; moved: number }>;
  /** Takes the lease of the head of an ordered endpoint's line. @returns `moved`: 1 if it is no longer due */
  leaseHead(endpointId: PublicId): Promise<{ leased: LeasedDelivery[]; moved: number }>;
  /** Takes the lease of one held delivery: the oldest after the given one, if there is one, else the oldest of all. */
  leaseHeld(endpointId: PublicId, after: PublicId | undefined): Promise<LeasedDelivery | undefined>;
  /** Gives up a lease: the delivery is due again, at once or after a pause. Never rejects. */
  decline(delivery: LeasedDelivery, pauseMs?: number): Promise<AttemptEnd>;
  /** Gives up a lease: the delivery waits in its endpoint's backlog. Never rejects. */
  move(delivery: LeasedDelivery): Promise<AttemptEnd>;
  /** Moves a due delivery to its endpoint's backlog. */
  moveDue(delivery: DueDelivery): Promise<void>;
  /** The version of an endpoint as it is now; undefined when nothing may be sent to it. */
  currentVersion(endpointId: PublicId): Promise<number | undefined>;
}

export interface LeaseDeskDeps {
  pool: Pool;
  metrics: WebhookMetrics;
  log: Logger;
  /** Bytes of bodies that this process can still hold. */
  freeBytes(): number;
  /** Called when deliveries were moved to a backlog. */
  onBacklog(backlog: Backlog): void;
}

export function createLeaseDesk({ pool, metrics, log, freeBytes, onBacklog }: LeaseDeskDeps): LeaseDesk {
  const turns = createBacklogTurns();
  let lastSeenAway = Number.NEGATIVE_INFINITY;
  const seenAway = () => {
    lastSeenAway = performance.now();
  };
  // Also while nothing is due, every connection notices when it breaks.
  pool.on('error', seenAway);

  const common = { maxBatch: MAX_BATCH, maxInFlight: 1, maxWaiting: Number.MAX_SAFE_INTEGER };

  const leaser = new GroupCommit<PublicId, LeasedDelivery | undefined>({
    ...common,
    maxBatch: MAX_LEASE_BATCH,
    maxInFlight: 2,
    commit: async (ids) => {
      const { leased } = await taken((options) => leaseDue(pool, ids, options));
      const byId = new Map(leased.map((delivery) => [delivery.deliveryId, delivery]));
      return ids.map((id) => byId.get(id));
    },
    // Leases used to be called claims, and dashboards know the label.
    onBatch: (size) => metrics.batchSize.observe({ kind: 'claims' }, size),
  });

  const releaser = byLease((ids, lease) => releaseLeases(pool, ids, lease));
  const mover = byLease((ids, lease) => moveToBacklog(pool, ids, lease));

  const dueMover = new GroupCommit<DueDelivery, void>({
    ...common,
    commit: async (deliveries) => {
      const ids = deliveries.map(({ id }) => id);
      const moved = new Set(await moveToBacklog(pool, ids, undefined));
      for (const delivery of deliveries) if (moved.has(delivery.id)) tell(delivery);
      return deliveries.map(() => undefined);
    },
  });

  const states = new GroupCommit<PublicId, { version: number; sendable: boolean } | undefined>({
    ...common,
    commit: (ids) => findEndpointState(pool, ids),
  });

  /** One statement for all that have the same lease, as those of one commit do. */
  function byLease(write: (ids: PublicId[], lease: string) => Promise<unknown>) {
    return new GroupCommit<LeasedDelivery, void>({
      ...common,
      commit: async (deliveries) => {
        for (const [lease, ids] of groupByLease(deliveries)) await write(ids, lease);
        return deliveries.map(() => undefined);
      },
    });
  }

  async function taken(
    lease: (options: LeaseOptions) => Promise<LeaseResult>,
  ): Promise<{ leased: LeasedDelivery[]; moved: number }> {
    // Before the statement, so that the lease never ends earlier than is believed here.
    const leasedAtMs = Date.now();
    const { leased, buried, moved } = await lease({
      lease: randomUUID(),
      leaseSlackMs: LEASE_SLACK_MS,
      maxBytes: Math.max(1, freeBytes()),
      takeOver: performance.now() - lastSeenAway > GRACE_MS,
    }).catch((error: unknown) => {
      seenAway();
      throw error;
    });
    for (const reason of buried) metrics.deadLetters.inc({ reason });
    return { leased: leased.map((delivery) => withDeadline(delivery, leasedAtMs)), moved };
  }

  /** Not the delivery itself: it may be remembered for some time, and has a body. */
  function tell({ endpointId, tenantId }: Backlog): void {
    onBacklog({ endpointId, tenantId });
  }

  return {
    leaseDue: (deliveryId) => leaser.add(deliveryId),
    async leaseBacklog(endpointId, limit) {
      const lanes = turns.order(endpointId);
      const { leased, moved } = await taken((options) => leaseBacklog(pool, endpointId, { limit, lanes }, options));
      turns.took(endpointId, leased);
      return { leased: leased.map((delivery) => ({ ...delivery, fromBacklog: true })), moved };
    },
    leaseHead: (endpointId) => taken((options) => leaseHead(pool, endpointId, options)),
    async leaseHeld(endpointId, after) {
      const next = async (from: PublicId | undefined) =>
        (await taken((options) => leaseHeld(pool, endpointId, from, options))).leased[0];
      return (await next(after)) ?? (after === undefined ? undefined : next(undefined));
    },
    async decline(delivery, pauseMs = 0) {
      metrics.declined.inc();
      const released =
        pauseMs === 0 ? releaser.add(delivery) : releaseLeases(pool, [delivery.deliveryId], delivery.lease, pauseMs);
      // If even this fails the lease runs out by itself.
      await released.catch((error: unknown) => log.warn({ err: error }, 'could not release a lease'));
      return { state: 'declined' };
    },
    async move(delivery) {
      metrics.declined.inc();
      await mover.add(delivery).then(
        () => {
          if (delivery.fromBacklog !== true) tell(delivery);
        },
        (error: unknown) => log.warn({ err: error }, 'could not move a delivery to the backlog'),
      );
      return { state: 'moved', attempted: false };
    },
    moveDue: (delivery) => dueMover.add(delivery),
    async currentVersion(endpointId) {
      const state = await states.add(endpointId);
      return state?.sendable === true ? state.version : undefined;
    },
  };
}

/** The last moment at which an attempt may begin under a lease that was taken at this time. */
export function startBefore(leasedAtMs: number, leaseSlackMs: number): number {
  return leasedAtMs + leaseSlackMs - RECORD_RESERVE_MS;
}

function withDeadline({ createdAt, ...rest }: Leased, leasedAtMs: number): LeasedDelivery {
  return { ...rest, createdAtMs: createdAt.getTime(), startBeforeMs: startBefore(leasedAtMs, LEASE_SLACK_MS) };
}

function groupByLease(deliveries: readonly LeasedDelivery[]): Map<string, PublicId[]> {
  const groups = new Map<string, PublicId[]>();
  for (const { lease, deliveryId } of deliveries) {
    const ids = groups.get(lease);
    if (ids === undefined) groups.set(lease, [deliveryId]);
    else ids.push(deliveryId);
  }
  return groups;
}
