export interface KeyedPoolOptions {
  /** Jobs under way at once, in all. */
  total: number;
  /** Jobs under way at once for one key. */
  perKey: number;
  /** Most jobs waiting for one key; {@link KeyedPool.tryRun} refuses further ones. */
  maxWaitingPerKey: number;
  /** Most jobs waiting, in all. */
  maxWaiting: number;
}

type Job = () => Promise<void>;

interface Lane {
  running: number;
  waiting: Job[];
  /** Whether the lane is queued to start a job. */
  queued: boolean;
}

/**
 * Runs jobs within an overall limit and a limit per key. Keys take turns, so a slow key (a receiver that hangs) delays
 * only its own jobs.
 */
export class KeyedPool {
  readonly #lanes = new Map<string, Lane>();
  readonly #turns: string[] = [];
  #running = 0;
  #waiting = 0;
  #idle: (() => void)[] = [];

  constructor(private readonly options: KeyedPoolOptions) {}

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Runs a job as soon as its key's turn comes.
   *
   * @param job - must not throw
   * @returns false, without running it, when too many are waiting
   */
  tryRun(key: string, job: Job): boolean {
    const lane = this.#lane(key);
    const full = lane.waiting.length >= this.options.maxWaitingPerKey || this.#waiting >= this.options.maxWaiting;
    const free = lane.running < this.options.perKey && this.#running < this.options.total;
    if (full && !free) {
      this.#forget(key, lane);
      return false;
    }
    this.#enqueue(key, lane, job);
    return true;
  }

  /** Runs a job as soon as its key's turn comes, however many are waiting. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#enqueue(key, this.#lane(key), () => work().then(resolve, reject));
    });
  }

  /** Resolves when no job runs or waits. */
  async drain(): Promise<void> {
    if (this.#running === 0 && this.#waiting === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #lane(key: string): Lane {
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = { running: 0, waiting: [], queued: false };
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  #forget(key: string, lane: Lane): void {
    if (lane.running === 0 && lane.waiting.length === 0) this.#lanes.delete(key);
  }

  #enqueue(key: string, lane: Lane, job: Job): void {
    lane.waiting.push(job);
    this.#waiting++;
    this.#takeTurn(key, lane);
    this.#advance();
  }

  #takeTurn(key: string, lane: Lane): void {
    if (lane.queued || lane.waiting.length === 0 || lane.running >= this.options.perKey) return;
    lane.queued = true;
    this.#turns.push(key);
  }

  #advance(): void {
    while (this.#running < this.options.total) {
      const key = this.#turns.shift();
      if (key === undefined) return;
      const lane = this.#lane(key);
      lane.queued = false;
      const job = lane.waiting.shift();
      if (job === undefined) continue;
      this.#waiting--;
      lane.running++;
      this.#running++;
      this.#takeTurn(key, lane);
      void job().finally(() => this.#finish(key, lane));
    }
  }

  #finish(key: string, lane: Lane): void {
    lane.running--;
    this.#running--;
    this.#forget(key, lane);
    this.#takeTurn(key, lane);
    this.#advance();
    if (this.#running === 0 && this.#waiting === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }
}
