export interface GroupCommitOptions<T, R> {
  /** Most items in one commit. */
  maxBatch: number;
  /** What an item weighs, and how much may go into one commit; a heavier single item goes alone. */
  weigh?: { of(item: T): number; maxBatchWeight: number };
  /** Most commits under way at once. While they run, new items gather; that is the whole batching policy. */
  maxInFlight: number;
  /** Most items waiting; one more is refused with {@link Overloaded}. */
  maxWaiting: number;
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
  resolve(result: R): void;
  reject(error: unknown): void;
}

/**
 * Turns many small writes into a few larger ones without a timer: an idle committer writes at once, a busy one writes
 * what has gathered while the last write was in flight. So a lone item waits for nothing, and under load the batch
 * grows by itself to what the database can take.
 */
export class GroupCommit<T, R> {
  #waiting: Waiting<T, R>[] = [];
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
    if (this.#waiting.length >= this.options.maxWaiting) {
      return Promise.reject(new Overloaded('too many writes are waiting for the database'));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
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
    const batch = this.#waiting.splice(0, this.#batchLength());
    void this.#commit(batch, slot).finally(() => {
      this.#freeSlots.push(slot);
      if (this.#waiting.length > 0) this.#start();
      else if (this.#freeSlots.length === this.options.maxInFlight) {
        for (const resolve of this.#idle.splice(0)) resolve();
      }
    });
    if (this.#waiting.length > 0) this.#start();
  }

  #batchLength(): number {
    const { maxBatch, weigh } = this.options;
    const length = Math.min(maxBatch, this.#waiting.length);
    if (weigh === undefined) return length;
    let weight = 0;
    for (let count = 0; count < length; count++) {
      const waiting = this.#waiting[count];
      weight += waiting === undefined ? 0 : weigh.of(waiting.item);
      if (weight > weigh.maxBatchWeight) return Math.max(count, 1);
    }
    return length;
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
