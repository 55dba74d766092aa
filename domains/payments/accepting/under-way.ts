import type { PublicId } from '../../../core/ids';

/** How long a request waits for the end before the answer says where to look instead. */
const RESULT_WAIT_MS = 10_000;

/** How often what is somebody else's is looked at meanwhile. */
const LOOK_FIRST_MS = 50;
const LOOK_LONGEST_MS = 500;

/** How things that requests ask for, such as payments, are taken to their ends. */
export interface Work<T> {
  /** Takes the first step; undefined when that was not the end of it. Must not reject. */
  make(item: T, leaseEndsAt: number): Promise<T | undefined>;
  /** The thing as it is stored now. */
  read(item: T): Promise<T | undefined>;
  isEnded(item: T): boolean;
}

/** What a request stands for. */
export interface Accepted<T> {
  item: T;
  /** Made by this request, under a lease of this process; otherwise by an earlier one with its key. */
  isNew: boolean;
}

/** What this process is making, and requests that wait for it. */
export interface UnderWay<T> {
  /**
   * Makes what is accepted, and waits for its end, ten seconds at most from the start of the request.
   *
   * @param accept - stores it
   * @param leaseMs - how long the lease lasts that `accept` takes
   * @returns how it ended, or how it is when the time is over
   */
  follow(accept: () => Promise<Accepted<T>>, leaseMs: number): Promise<Accepted<T>>;
  /** Resolves when nothing is under way any more. */
  drain(): Promise<void>;
}

export function createUnderWay<T extends { id: PublicId }>({ make, read, isEnded }: Work<T>): UnderWay<T> {
  const underWay = new Map<PublicId, Promise<T | undefined>>();

  function begin(item: T, leaseEndsAt: number): void {
    underWay.set(
      item.id,
      make(item, leaseEndsAt).finally(() => underWay.delete(item.id)),
    );
  }

  async function ending(item: T, until: number): Promise<T> {
    let found = item;
    for (let pauseMs = LOOK_FIRST_MS; !isEnded(found); pauseMs = Math.min(2 * pauseMs, LOOK_LONGEST_MS)) {
      if (performance.now() + pauseMs > until) break;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      found = (await read(found)) ?? found;
    }
    return found;
  }

  return {
    async follow(accept, leaseMs) {
      // Before the statement, so that the lease never ends earlier than is believed here.
      const leaseEndsAt = Date.now() + leaseMs;
      const until = performance.now() + RESULT_WAIT_MS;
      const { item, isNew } = await accept();
      if (isNew) begin(item, leaseEndsAt);
      const here = underWay.get(item.id);
      const ended = here === undefined ? undefined : await within(here, until - performance.now());
      return { item: ended ?? (await ending(item, until)), isNew };
    },
    async drain() {
      await Promise.all(underWay.values());
    },
  };
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), Math.max(0, ms));
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
