import { FairQueue } from './fair-queue';

export interface GroupCommitOptions<T, R> {
  /** Most items in one commit. */
  maxBatch: number;
  /** What an item weighs, and how much may go into one commit; a heavier single item goes alone. */
  weigh?: { of(item: T): number; maxBatchWeight: number };
  /** Most commits under way at once. While they run, new items gather; that is the whole batching policy. */
  maxInFlight: number;
  /** Most items waiting; one more is refused with {@link Overloaded}. */
  maxWaiting: number;
  /** What an item takes of memory, and how much may wait; what is over that is refused with {@link Overloaded}. */
  size?: { of(item: T): number; maxWaiting: number };
  /**
   * Whose item it is. Batches take from the groups in turns, so that one group's single item does not wait for another's
   * ten thousand. Without it all items are one group.
   */
  groupOf?(item: T): string;
  /**
   * Writes a batch.
   *
   * @param slot - 0 to maxInFlight − 1; two commits under way never have the same
   * @returns one result per item, in the items' order
   */
  commit(items: readonly T[], slot: number): Promise<readonly R[]>;
  /**
   * Whether a batch may have failed because of one item. Then it is halved and tried again, so that only that
   * item's caller sees the error.
   */
  isItemFault?(error: unknown): boolean;
  /** Called with the size of every batch, for metrics. */
  onBatch?(size: number): void;
}

/** Thrown when too many items are waiting. */
export class Overloaded extends Error {
  override name = 'Overloaded';
}

interface Waiting<T, R> {
  item: T;
  /** As `weigh` and `size` say, once: an item is looked at several times. */
  weight: number;
  size: number;
  resolve(result: R): void;
  reject(error: unknown): void;
}

/**
 * Turns many small writes into a few larger ones without a timer: an idle committer writes at once, a busy one writes
 * what has gathered while the last write was in flight. So a lone item waits for nothing, and under load the batch
 * grows by itself to what the database can take.
 */
export class GroupCommit<T, R> {
  readonly #waiting = new FairQueue<Waiting<T, R>>();
  #waitingSize = 0;
  readonly #freeSlots: number[];
  #idle: (() => void)[] = [];
  #kicked = false;

  constructor(private readonly options: GroupCommitOptions<T, R>) {
    this.#freeSlots = Array.from({ length: options.maxInFlight }, (_, slot) => options.maxInFlight - 1 - slot);
  }

  /** Items waiting for a commit, those being committed not included. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves once the item's batch is durable. */
  add(item: T): Promise<R> {
    const { maxWaiting, size: sizes, weigh, groupOf } = this.options;
    const size = sizes?.of(item) ?? 0;
    const fits = sizes === undefined || this.#waiting.length === 0 || this.#waitingSize + size <= sizes.maxWaiting;
    if (this.#waiting.length >= maxWaiting || !fits) {
      return Promise.reject(new Overloaded('too many writes are waiting for the database'));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push(groupOf?.(item) ?? '', { item, weight: weigh?.of(item) ?? 0, size, resolve, reject });
      this.#waitingSize += size;
      this.#kick();
    });
  }

  /** Resolves when nothing waits and nothing is in flight. */
  async drain(): Promise<void> {
    if (this.#waiting.length === 0 && this.#freeSlots.length === this.options.maxInFlight) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Items added in the same turn of the event loop go together. */
  #kick(): void {
    if (this.#kicked || this.#freeSlots.length === 0) return;
    this.#kicked = true;
    setImmediate(() => {
      this.#kicked = false;
      this.#start();
    });
  }

  #start(): void {
    if (this.#waiting.length === 0) return;
    const slot = this.#freeSlots.pop();
    if (slot === undefined) return;
    const batch = this.#takeBatch();
    void this.#commit(batch, slot).finally(() => {
      this.#freeSlots.push(slot);
      if (this.#waiting.length > 0) this.#start();
      else if (this.#freeSlots.length === this.options.maxInFlight) {
        for (const resolve of this.#idle.splice(0)) resolve();
      }
    });
    if (this.#waiting.length > 0) this.#start();
  }

  #takeBatch(): Waiting<T, R>[] {
    const { maxBatch, weigh } = this.options;
    const batch: Waiting<T, R>[] = [];
    let weight = 0;
    while (batch.length < maxBatch) {
      const next = this.#waiting.peek();
      if (next === undefined) break;
      weight += next.weight;
      if (weigh !== undefined && weight > weigh.maxBatchWeight && batch.length > 0) break;
      this.#waiting.shift();
      this.#waitingSize -= next.size;
      batch.push(next);
    }
    return batch;
  }

  async #commit(batch: Waiting<T, R>[], slot: number): Promise<void> {
    this.options.onBatch?.(batch.length);
    try {
      const results = await this.options.commit(
        batch.map((waiting) => waiting.item),
        slot,
      );
      batch.forEach((waiting, index) => {
        waiting.resolve(results[index] as R);
      });
    } catch (error) {
      if (batch.length > 1 && this.options.isItemFault?.(error) === true) {
        const middle = Math.ceil(batch.length / 2);
        await this.#commit(batch.slice(0, middle), slot);
        await this.#commit(batch.slice(middle), slot);
      } else {
        for (const waiting of batch) waiting.reject(error);
      }
    }
  }
}
