import type { PublicId } from '../../../core/ids';
import type { Logger } from '../../../infra/log';
import type { DeliveryEngine } from '../delivery/delivery-engine';
import type { AttemptEnd, LeasedDelivery } from '../delivery/leased-delivery';

/** A head that is due within this time is waited for here; a later one is left to the endpoint's workflow. */
const LONGEST_WAIT_MS = 60_000;

export interface OrderedRunnerDeps {
  engine: Pick<DeliveryEngine, 'leaseHead' | 'attemptLeased' | 'rates'>;
  /** See `headDueInMs` in store/ordering.ts. */
  dueInMs(endpointId: PublicId): Promise<number | undefined>;
  log: Logger;
}

/** Attempts the deliveries of ordered endpoints, each when those before it are settled. */
export interface OrderedRunner {
  /**
   * Goes on with an endpoint's line, as far as it goes now. Many calls at once cost one. Never rejects.
   *
   * @param version - the endpoint's, if the caller knows it: then nothing is leased while its limit is known to be used up
   */
  run(endpointId: PublicId, version?: number): void;
  /** Begins nothing more. Resolves when what is under way is settled. */
  close(): Promise<void>;
}

interface Line {
  /** The endpoint's newest version that anybody has spoken of. */
  version: number | undefined;
  again: boolean;
  ended: Promise<void>;
}

/**
 * The line of an endpoint may be served by several processes: the lease of its head decides. Whoever settles a head looks
 * for the next, so nobody else has to; whoever adds to the line looks too, after the commit. One of the two sees both.
 */
export function createOrderedRunner({ engine, dueInMs, log }: OrderedRunnerDeps): OrderedRunner {
  const lines = new Map<PublicId, Line>();
  const timers = new Map<PublicId, NodeJS.Timeout>();
  let closed = false;

  function run(endpointId: PublicId, version?: number): void {
    if (closed) return;
    const running = lines.get(endpointId);
    if (running !== undefined) {
      running.again = true;
      running.version = newer(running.version, version);
      return;
    }
    clearTimeout(timers.get(endpointId));
    timers.delete(endpointId);
    const line: Line = { version, again: false, ended: Promise.resolve() };
    lines.set(endpointId, line);
    line.ended = follow(endpointId, line)
      // Its workflow, or the sweep, goes on.
      .catch((error: unknown) => log.warn({ err: error, endpointId }, 'could not go on with an ordered endpoint'))
      .finally(() => {
        lines.delete(endpointId);
        if (line.again) run(endpointId, line.version);
      });
  }

  async function follow(endpointId: PublicId, line: Line): Promise<void> {
    while (!closed) {
      line.again = false;
      const limitedMs = limitedFor(endpointId, line);
      if (limitedMs > 0) {
        later(endpointId, limitedMs);
        return;
      }
      const { leased, moved } = await engine.leaseHead(endpointId);
      const head = leased[0];
      if (head !== undefined) {
        line.version = newer(line.version, head.endpointVersion);
        const beganAt = performance.now();
        const end = await attempted(head);
        const bounced = end.state === 'declined' || (end.state === 'moved' && !end.attempted);
        // There was no room for it: its workflow tries again when there is. A limit may have given way meanwhile.
        if (bounced && !wasLimited(endpointId, line, beganAt)) return;
      } else if (moved === 0 && !line.again) {
        await waitForHead(endpointId);
        return;
      }
    }
  }

  /** Milliseconds until the endpoint's limit gives way; 0 when it is not known to be used up. */
  function limitedFor(id: PublicId, { version }: Line): number {
    return version === undefined ? 0 : engine.rates.waitMs({ id, version });
  }

  function wasLimited(id: PublicId, { version }: Line, at: number): boolean {
    return version !== undefined && engine.rates.wasUsedUp({ id, version }, at);
  }

  function attempted(head: LeasedDelivery): Promise<AttemptEnd> {
    const trigger = head.attempts === 0 ? 'accept' : 'schedule';
    return new Promise((resolve) => engine.attemptLeased(head, trigger, resolve));
  }

  async function waitForHead(endpointId: PublicId): Promise<void> {
    const dueMs = await dueInMs(endpointId);
    if (dueMs !== undefined) later(endpointId, dueMs);
  }

  function later(endpointId: PublicId, inMs: number): void {
    if (closed || inMs > LONGEST_WAIT_MS) return;
    const timer = setTimeout(() => run(endpointId), Math.ceil(inMs) + 1);
    timer.unref();
    timers.set(endpointId, timer);
  }

  return {
    run,
    async close() {
      closed = true;
      for (const timer of timers.values()) clearTimeout(timer);
      await Promise.all([...lines.values()].map(({ ended }) => ended));
    },
  };
}

function newer(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}
