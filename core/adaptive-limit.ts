/**
 * How a job ended, as far as its target is concerned: `ok`, it did the work; `failed`, it answered or refused at once;
 * `pushback`, it asked for less; `timeout`, it never answered.
 */
export interface JobEnd {
  kind: 'ok' | 'failed' | 'pushback' | 'timeout';
  /** From the moment the target was asked, in milliseconds. */
  durationMs: number;
}

/** A job under way. */
export interface Ticket {
  /** When its target was asked; undefined before that. */
  askedAt: number | undefined;
  /** Whether its target has answered. */
  answered: boolean;
  /** Its number among all jobs of the target. */
  readonly number: number;
}

/** Nothing is known of a target before its first answer, and a burst comes before any answer. */
const FIRST_LIMIT = 2;

/** An answer within this time never slows anything down: differences this small are this process's own. */
const FAST_MS = 100;

/** A target from which nothing has come for this long, or this many of its usual times, is stalled. */
const STALL_MS = 1_000;
const STALL_FACTOR = 4;

/** How many jobs may queue at the target, by its own slowing down (TCP Vegas): below the first it gets more, above the second less. */
const QUEUE_LOW = 4;
const QUEUE_HIGH = 8;

/** How slowly the usual time follows answers that take longer; it follows shorter ones at once. */
const DRIFT = 0.002;

const MILD_DECREASE = 0.7;

/** A target is failing after this many failures in a row over at least this time. */
const PATIENCE = 10;
const FAILING_AFTER_MS = 1_000;

/** A target that has failed for some time is asked, at most {@link PATIENCE} times, once in this share of that time. */
const PAUSE_SHARE = 4;
const LONGEST_PAUSE_MS = 60_000;

/** An answer this recent proves that a target works; one slower than this is not fast. */
const PROOF_MS = 60_000;
const FAST_TARGET_MS = 1_000;

/**
 * How many jobs one target may have at once, found from how it answers (after Netflix's concurrency-limits and TCP):
 * it begins with two, doubles with every round of answers while all of it is used, grows slowly once it has been too
 * much, and stops growing when answers take longer because there are more of them. A timeout during which nothing else
 * was answered takes it back to one, at once. While nothing is answered at all, nothing more is begun.
 *
 * All times are milliseconds on one clock that never goes back.
 */
export class AdaptiveLimit {
  readonly #running = new Set<Ticket>();
  /** The first of those: jobs are asked in the order in which they begin, nearly. */
  #oldest: Ticket | undefined;
  #begun = 0;
  /** The last job with which the limit was used up. */
  #usedUpBy = 0;
  #limit: number;
  /** Where growth becomes slow: half of what was too much. */
  #threshold = Number.POSITIVE_INFINITY;
  #usualMs: number | undefined;
  #lastOkAt = Number.NEGATIVE_INFINITY;
  #lastAnswerAt = Number.NEGATIVE_INFINITY;
  #shrunkAt = Number.NEGATIVE_INFINITY;
  #collapsed = false;
  #failures = 0;
  #failingSince = 0;
  #windowEndsAt = Number.NEGATIVE_INFINITY;
  #windowStarts = 0;

  /** @param most - the limit never grows beyond this */
  constructor(private readonly most: number) {
    this.#limit = Math.min(FIRST_LIMIT, most);
  }

  get limit(): number {
    return Math.floor(this.#limit);
  }

  get running(): number {
    return this.#running.size;
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** How many jobs may begin now. */
  room(now: number): number {
    const free = this.limit - this.#running.size;
    if (free <= 0 || this.#stalled(now)) return 0;
    if (!this.#failing(now)) return free;
    return now >= this.#windowEndsAt ? Math.min(free, PATIENCE) : Math.min(free, PATIENCE - this.#windowStarts);
  }

  /** When a pause after failures ends, on the clock; in the past when there is none. */
  get resumesAt(): number {
    return this.#windowEndsAt;
  }

  /** Ends a pause after failures: somebody knows better, or wants to know. */
  forgive(): void {
    this.#windowEndsAt = Number.NEGATIVE_INFINITY;
  }

  /** Whether more jobs than are under way would wait for no one knows how long. */
  strained(now: number): boolean {
    return this.#collapsed || this.#stalled(now) || this.#failing(now);
  }

  /** Whether it has answered well a short time ago, and soon. */
  fast(now: number): boolean {
    const proven = now - this.#lastOkAt < PROOF_MS && (this.#usualMs ?? Number.POSITIVE_INFINITY) < FAST_TARGET_MS;
    return proven && !this.strained(now);
  }

  begin(now: number): Ticket {
    if (this.#failing(now)) {
      if (now >= this.#windowEndsAt) {
        this.#windowStarts = 0;
        this.#windowEndsAt = now + Math.min((now - this.#failingSince) / PAUSE_SHARE, LONGEST_PAUSE_MS);
      }
      this.#windowStarts++;
    }
    const ticket: Ticket = { askedAt: undefined, answered: false, number: ++this.#begun };
    this.#running.add(ticket);
    this.#oldest ??= ticket;
    if (this.#running.size >= this.limit) this.#usedUpBy = ticket.number;
    return ticket;
  }

  /** @param end - undefined when the target was not asked after all */
  end(ticket: Ticket, end: JobEnd | undefined, now: number): void {
    this.#running.delete(ticket);
    if (this.#oldest === ticket) [this.#oldest] = this.#running;
    if (end === undefined) return;
    const askedAt = ticket.askedAt ?? now - end.durationMs;
    if (end.kind === 'ok') {
      this.#succeeded(end.durationMs, this.#usedUpBy >= ticket.number, now);
      return;
    }
    if (this.#failures === 0) this.#failingSince = now;
    this.#failures++;
    if (end.kind === 'timeout') this.#timedOut(askedAt, now);
    else this.#lastAnswerAt = now;
    if (end.kind === 'pushback') this.#shrink(1 / 2, askedAt, now);
  }

  /** @param usedUp - whether the limit was used up while the job ran */
  #succeeded(durationMs: number, usedUp: boolean, now: number): void {
    this.#lastOkAt = now;
    this.#lastAnswerAt = now;
    this.#collapsed = false;
    this.#failures = 0;
    this.#windowEndsAt = Number.NEGATIVE_INFINITY;
    const usualMs = Math.min(this.#usualMs ?? durationMs, durationMs);
    this.#usualMs = usualMs + DRIFT * (durationMs - usualMs);
    const queued = durationMs <= FAST_MS ? 0 : this.#limit * (1 - usualMs / durationMs);
    if (queued > QUEUE_HIGH) this.#set(this.#limit - 1);
    else if (queued < QUEUE_LOW && usedUp)
      this.#set(this.#limit + (this.#limit < this.#threshold ? 1 : 1 / this.#limit));
  }

  #timedOut(askedAt: number, now: number): void {
    if (this.#lastOkAt > askedAt) {
      this.#shrink(MILD_DECREASE, askedAt, now);
      return;
    }
    // Those that were under way together time out together, and are one collapse.
    if (!this.#collapsed) this.#threshold = Math.max(FIRST_LIMIT, this.#limit / 2);
    this.#collapsed = true;
    this.#set(1);
  }

  /** Once for all jobs that were under way together. */
  #shrink(factor: number, askedAt: number, now: number): void {
    if (askedAt < this.#shrunkAt) return;
    this.#shrunkAt = now;
    this.#threshold = Math.max(FIRST_LIMIT, this.#limit * factor);
    this.#set(this.#limit * factor);
  }

  #set(limit: number): void {
    this.#limit = Math.min(this.most, Math.max(1, limit));
  }

  #stalled(now: number): boolean {
    const oldest = this.#oldest;
    if (oldest?.askedAt === undefined || oldest.answered) return false;
    const quietMs = now - Math.max(oldest.askedAt, this.#lastAnswerAt);
    return quietMs > Math.max(STALL_MS, STALL_FACTOR * (this.#usualMs ?? 0));
  }

  #failing(now: number): boolean {
    return this.#failures >= PATIENCE && now - this.#failingSince >= FAILING_AFTER_MS;
  }
}
