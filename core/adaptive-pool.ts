import { AdaptiveLimit, type JobEnd } from './adaptive-limit';
import { FairQueue } from './fair-queue';

/** Whose job it is: targets (endpoints) take turns within their group (tenant), groups among each other. */
export interface Place {
  group: string;
  key: string;
}

/** What a job tells about itself while it runs. */
export interface Turn {
  /** The target is asked now. */
  ask(): void;
  /** It has answered, or will not any more; the job may go on for other reasons. */
  answered(): void;
}

/** A job for a target. */
export interface Work {
  /** Does the job; must not throw. @returns how it ended, or undefined when the target was not asked */
  run(turn: Turn): Promise<JobEnd | undefined>;
  /** Called instead of {@link run} when the job's turn does not come soon. */
  evicted(): void;
}

export interface AdaptivePoolOptions {
  /** Jobs under way at once, in all. */
  total: number;
  /** Most jobs under way at once for one key, however well it answers. */
  mostPerKey: number;
  /** How long a job may wait for its turn, in milliseconds. */
  maxWaitMs: number;
  /** A clock in milliseconds that never goes back. */
  now?: () => number;
}

interface Waiting {
  work: Work;
  since: number;
}

interface Lane {
  place: Place;
  limit: AdaptiveLimit;
  waiting: Waiting[];
  /** Whether the lane is queued to start a job, and among which. */
  queued: FairQueue<Lane> | undefined;
}

/** The share of all turns that targets may take which are not known to answer fast; the rest is kept for those that do. */
const UNPROVEN_SHARE = 0.75;
/** The share of these that one group may take. */
const UNPROVEN_SHARE_OF_GROUP = 0.5;
/** Fast targets go first, but every fourth turn is offered to the others, so that none starves. */
const OTHERS_TURN = 4;
/** Jobs begun in one turn of the event loop: what else goes on in this process has its turns between. */
const STARTS_A_TURN = 32;
const LOOK_EVERY_MS = 250;
/** Looks further apart than this mean that the event loop was busy: answers may have come and not been read yet. */
const LATE_LOOK_MS = 600;
/** Idle targets whose limits are remembered. */
const MAX_REMEMBERED = 20_000;

/**
 * Runs jobs for many targets, of which some hang. Each target has as many turns as it proves to deserve
 * ({@link AdaptiveLimit}); a share of all turns is kept for those that answer fast; and a job whose target does not
 * answer is handed back instead of waiting.
 */
export class AdaptivePool {
  readonly #lanes = new Map<string, Lane>();
  /** Lanes without jobs, the longest idle first. */
  readonly #idle = new Map<string, Lane>();
  readonly #withWaiting = new Set<Lane>();
  readonly #fast = new FairQueue<Lane>();
  readonly #others = new FairQueue<Lane>();
  readonly #othersRunning = new Map<string, number>();
  readonly #othersTotal: number;
  readonly #othersPerGroup: number;
  readonly #now: () => number;
  #othersSum = 0;
  #turn = 0;
  #running = 0;
  #waiting = 0;
  #timer: NodeJS.Timeout | undefined;
  #lookedAt = 0;
  #startsLeft = STARTS_A_TURN;
  #later = false;
  #drained: (() => void)[] = [];

  constructor(private readonly options: AdaptivePoolOptions) {
    this.#now = options.now ?? (() => performance.now());
    this.#othersTotal = Math.max(1, Math.floor(options.total * UNPROVEN_SHARE));
    this.#othersPerGroup = Math.max(1, Math.floor(this.#othersTotal * UNPROVEN_SHARE_OF_GROUP));
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Runs a job as soon as its turn comes, or evicts it later.
   *
   * @returns false, without running it, when its target takes no more for now
   */
  add(place: Place, work: Work): boolean {
    const now = this.#now();
    const lane = this.#lane(place);
    if (this.#hopeless(lane, now, lane.waiting.length)) {
      this.#rest(lane);
      return false;
    }
    lane.waiting.push({ work, since: now });
    this.#waiting++;
    this.#withWaiting.add(lane);
    this.#queue(lane, now);
    this.#advance();
    return true;
  }

  /** Runs a job at once, whatever the state of its target: somebody asked for it. */
  insist(place: Place, work: Work): void {
    const lane = this.#lane(place);
    lane.limit.forgive();
    this.#start(lane, work);
  }

  /** How many more jobs would begin at once. */
  room(key: string): number {
    const lane = this.#find(key);
    const free = this.options.total - this.#running;
    if (lane === undefined) return Math.min(free, 1);
    return Math.max(0, Math.min(free, lane.limit.room(this.#now()) - lane.waiting.length));
  }

  /** Failures of a key since its last success. */
  failures(key: string): number {
    return this.#find(key)?.limit.failures ?? 0;
  }

  /** Jobs that a key may have at once; undefined when nothing is known of it. */
  limit(key: string): number | undefined {
    return this.#find(key)?.limit.limit;
  }

  /** Milliseconds until a key may go on that pauses after failures; 0 when it does not pause. */
  pausesMs(key: string): number {
    const resumesAt = this.#find(key)?.limit.resumesAt ?? Number.NEGATIVE_INFINITY;
    return Math.max(0, resumesAt - this.#now());
  }

  /** Ends a key's pause after failures. */
  forgive(key: string): void {
    this.#find(key)?.limit.forgive();
  }

  /** Resolves when no job runs or waits. */
  async drain(): Promise<void> {
    if (this.#running === 0 && this.#waiting === 0) return;
    await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  /** Looks after the jobs that wait: a target may have stalled, or may go on after a pause. Called by a timer. */
  look(): void {
    const now = this.#now();
    for (const lane of [...this.#withWaiting]) {
      const [oldest] = lane.waiting;
      if (oldest === undefined) continue;
      if (this.#hopeless(lane, now, 0) || now - oldest.since > this.options.maxWaitMs) this.#evict(lane);
      else this.#queue(lane, now);
    }
    this.#lookedAt = now;
    this.#advance();
    this.#settle();
  }

  /** Whether a target would take none beyond so many that wait. */
  #hopeless(lane: Lane, now: number, waiting: number): boolean {
    if (this.#timer !== undefined && now - this.#lookedAt > LATE_LOOK_MS) return false;
    return lane.limit.strained(now) && lane.limit.room(now) <= waiting;
  }

  #startLooking(): void {
    if (this.#timer !== undefined) return;
    this.#lookedAt = this.#now();
    this.#timer = setInterval(() => this.look(), LOOK_EVERY_MS).unref();
  }

  #settle(): void {
    if (this.#running > 0 || this.#waiting > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  #find(key: string): Lane | undefined {
    return this.#lanes.get(key) ?? this.#idle.get(key);
  }

  #lane(place: Place): Lane {
    const known = this.#lanes.get(place.key);
    if (known !== undefined) return known;
    const idle = this.#idle.get(place.key);
    this.#idle.delete(place.key);
    const lane = idle ?? {
      place,
      limit: new AdaptiveLimit(this.options.mostPerKey),
      waiting: [],
      queued: undefined,
    };
    this.#lanes.set(place.key, lane);
    return lane;
  }

  /** Puts a lane without jobs aside, with what is known of its target. */
  #rest(lane: Lane): void {
    const { key } = lane.place;
    if (lane.limit.running > 0 || lane.waiting.length > 0 || !this.#lanes.delete(key)) return;
    this.#idle.set(key, lane);
    if (this.#idle.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#idle.keys()) {
      this.#idle.delete(oldest);
      return;
    }
  }

  #queue(lane: Lane, now: number): void {
    if (lane.queued !== undefined || lane.waiting.length === 0 || lane.limit.room(now) === 0) return;
    lane.queued = lane.limit.fast(now) ? this.#fast : this.#others;
    lane.queued.push(lane.place.group, lane);
  }

  #advance(): void {
    while (this.#running < this.options.total) {
      if (this.#startsLeft <= 0) {
        this.#advanceLater();
        return;
      }
      const lane = this.#next();
      if (lane === undefined) return;
      const now = this.#now();
      lane.queued = undefined;
      if (lane.limit.room(now) === 0) continue;
      const waiting = lane.waiting.shift();
      if (waiting === undefined) continue;
      this.#waiting--;
      if (lane.waiting.length === 0) this.#withWaiting.delete(lane);
      this.#startsLeft--;
      this.#advanceLater();
      this.#start(lane, waiting.work);
      this.#queue(lane, this.#now());
    }
  }

  /** The starts of a turn are counted anew with the next one. */
  #advanceLater(): void {
    if (this.#later) return;
    this.#later = true;
    setImmediate(() => {
      this.#later = false;
      this.#startsLeft = STARTS_A_TURN;
      this.#advance();
    });
  }

  #next(): Lane | undefined {
    const othersFirst = ++this.#turn % OTHERS_TURN === 0;
    const takeOther = () => {
      if (this.#othersSum >= this.#othersTotal) return undefined;
      return this.#others.shift((group) => (this.#othersRunning.get(group) ?? 0) < this.#othersPerGroup);
    };
    const takeFast = () => this.#fast.shift();
    return othersFirst ? (takeOther() ?? takeFast()) : (takeFast() ?? takeOther());
  }

  #start(lane: Lane, work: Work): void {
    const now = this.#now();
    const other = !lane.limit.fast(now);
    const ticket = lane.limit.begin(now);
    const turn: Turn = {
      ask: () => {
        ticket.askedAt = this.#now();
      },
      answered: () => {
        ticket.answered = true;
      },
    };
    this.#running++;
    this.#startLooking();
    if (other) this.#countOther(lane.place.group, 1);
    void work.run(turn).then((end) => {
      const endedAt = this.#now();
      lane.limit.end(ticket, end, endedAt);
      this.#running--;
      if (other) this.#countOther(lane.place.group, -1);
      this.#rest(lane);
      this.#queue(lane, endedAt);
      this.#advance();
      this.#settle();
    });
  }

  #countOther(group: string, by: number): void {
    this.#othersSum += by;
    const count = (this.#othersRunning.get(group) ?? 0) + by;
    if (count > 0) this.#othersRunning.set(group, count);
    else this.#othersRunning.delete(group);
  }

  #evict(lane: Lane): void {
    const evicted = lane.waiting.splice(0);
    this.#waiting -= evicted.length;
    this.#withWaiting.delete(lane);
    this.#rest(lane);
    for (const { work } of evicted) work.evicted();
    this.#settle();
  }
}
