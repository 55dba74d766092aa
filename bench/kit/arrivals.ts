const FIRST_CAPACITY = 1_024;

/** Which messages of one step came in at one endpoint, by sequence number. */
export class Arrivals {
  #firstAt = new Float64Array(FIRST_CAPACITY);
  #times = new Uint16Array(FIRST_CAPACITY);
  #ids: string[] = [];
  #length = 0;
  #distinct = 0;

  /** Records an arrival; the first one of a message gives its time and its id. */
  add(sequence: number, at: number, id: string): void {
    this.#reserve(sequence + 1);
    const times = this.#times[sequence] ?? 0;
    this.#times[sequence] = times + 1;
    if (times > 0) return;
    this.#firstAt[sequence] = at;
    this.#ids[sequence] = id;
    this.#distinct++;
  }

  /** Whether a message has come in. */
  has(sequence: number): boolean {
    return (this.#times[sequence] ?? 0) > 0;
  }

  /** Messages that came in, each counted once. */
  get distinct(): number {
    return this.#distinct;
  }

  toJSON(): ArrivalsReport {
    return {
      firstAt: [...this.#firstAt.subarray(0, this.#length)],
      times: [...this.#times.subarray(0, this.#length)],
      ids: Array.from({ length: this.#length }, (_, sequence) => this.#ids[sequence] ?? ''),
    };
  }

  #reserve(length: number): void {
    this.#length = Math.max(this.#length, length);
    if (length <= this.#times.length) return;
    const capacity = 2 ** Math.ceil(Math.log2(length));
    const [firstAt, times] = [new Float64Array(capacity), new Uint16Array(capacity)];
    firstAt.set(this.#firstAt);
    times.set(this.#times);
    this.#firstAt = firstAt;
    this.#times = times;
  }
}

/** By sequence number, up to the highest one that came in. */
export interface ArrivalsReport {
  /** When a message first came in; 0 means never. */
  firstAt: number[];
  /** How often it came in. */
  times: number[];
  /** The webhook-id it came with. */
  ids: string[];
}

/** The report of an endpoint where nothing came in. */
export const NO_ARRIVALS: ArrivalsReport = { firstAt: [], times: [], ids: [] };
