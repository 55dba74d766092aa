import { AdaptiveLimit, type JobEnd } from './adaptive-limit';
import { FairQueue } from './fair-queue';
import { createSharedTurns, type SharedTurns } from './shared-turns';

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
  /** How urgent it is: 0, the most, to 2. Default 1. */
  rank?: number;
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
  /** By rank. */
  waiting: Waiting[][];
  /** For each rank, whether the lane is queued to start a job. */
  queued: boolean[];
  /** Whose turn it is among its ranks; undefined while no two have waited at the same time. */
  turns: SharedTurns | undefined;
}

/** The share of all turns that targets may take which are not known to answer fast; the rest is kept for those that do. */
const UNPROVEN_SHARE = 0.75;
/** The share of these that one group may take. */
const UNPROVEN_SHARE_OF_GROUP = 0.5;
const RANKS = [0, 1, 2] as const;
const USUAL_RANK = 1;
/** The share of all turns that jobs of a rank may take: the least urgent leave some free for what comes. */
const SHARE_OF_RANK: readonly number[] = [1, 1, 0.75];
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
 * answer is handed back instead of waiting. Urgent jobs go first, of a target and of all; the others get their share.
 */
export class AdaptivePool {
  readonly #lanes = new Map<string, Lane>();
  /** Lanes without jobs, the longest idle first. */
  readonly #idle = new Map<string, Lane>();
  readonly #withWaiting = new Set<Lane>();
  /** By rank, as are the others and what is running. */
  readonly #fast = RANKS.map(() => new FairQueue<Lane>());
  readonly #others = RANKS.map(() => new FairQueue<Lane>());
  readonly #runningOf: number[] = RANKS.map(() => 0);
  readonly #mostOf: readonly number[];
  readonly #turns = createSharedTurns();
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
    this.#mostOf = SHARE_OF_RANK.map((share) => Math.max(1, Math.floor(options.total * share)));
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
    const { rank = USUAL_RANK } = work;
    if (this.#hopeless(lane, now, waitingOf(lane, rank))) {
      this.#rest(lane);
      return false;
    }
    lane.waiting[rank]?.push({ work, since: now });
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
    return Math.max(0, Math.min(free, lane.limit.room(this.#now()) - waitingOf(lane)));
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
      const since = Math.min(...lane.waiting.map(([oldest]) => oldest?.since ?? Number.POSITIVE_INFINITY));
      if (since === Number.POSITIVE_INFINITY) continue;
      if (this.#hopeless(lane, now, 0) || now - since > this.options.maxWaitMs) this.#evict(lane);
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
      waiting: RANKS.map(() => []),
      queued: RANKS.map(() => false),
      turns: undefined,
    };
    this.#lanes.set(place.key, lane);
    return lane;
  }

  /** Puts a lane without jobs aside, with what is known of its target. */
  #rest(lane: Lane): void {
    const { key } = lane.place;
    if (lane.limit.running > 0 || waitingOf(lane) > 0 || !this.#lanes.delete(key)) return;
    this.#idle.set(key, lane);
    if (this.#idle.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#idle.keys()) {
      this.#idle.delete(oldest);
      return;
    }
  }

  #queue(lane: Lane, now: number): void {
    if (waitingOf(lane) === 0 || lane.limit.room(now) === 0) return;
    const queues = lane.limit.fast(now) ? this.#fast : this.#others;
    for (const rank of RANKS) {
      if (lane.queued[rank] === true || lane.waiting[rank]?.length === 0) continue;
      lane.queued[rank] = true;
      queues[rank]?.push(lane.place.group, lane);
    }
  }

  #advance(): void {
    while (this.#running < this.options.total) {
      if (this.#startsLeft <= 0) {
        this.#advanceLater();
        return;
      }
      const next = this.#next();
      if (next === undefined) return;
      const { lane, rank } = next;
      const now = this.#now();
      lane.queued[rank] = false;
      if (lane.limit.room(now) === 0) continue;
      const waiting = takeFrom(lane);
      if (waiting === undefined) continue;
      this.#turns.took(rank, (other) => this.#queuedOf(other) > 0);
      this.#waiting--;
      if (waitingOf(lane) === 0) this.#withWaiting.delete(lane);
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

  /** The lane whose turn it is, and the rank that it is queued for. */
  #next(): { lane: Lane; rank: number } | undefined {
    const othersFirst = ++this.#turn % OTHERS_TURN === 0;
    for (const rank of this.#turns.order()) {
      if (this.#queuedOf(rank) === 0 || (this.#runningOf[rank] ?? 0) >= (this.#mostOf[rank] ?? 0)) continue;
      const takeOther = () => {
        if (this.#othersSum >= this.#othersTotal) return undefined;
        return this.#others[rank]?.shift((group) => (this.#othersRunning.get(group) ?? 0) < this.#othersPerGroup);
      };
      const takeFast = () => this.#fast[rank]?.shift();
      const lane = othersFirst ? (takeOther() ?? takeFast()) : (takeFast() ?? takeOther());
      if (lane !== undefined) return { lane, rank };
    }
    return undefined;
  }

  #queuedOf(rank: number): number {
    return (this.#fast[rank]?.length ?? 0) + (this.#others[rank]?.length ?? 0);
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
    const { rank = USUAL_RANK } = work;
    this.#countOf(rank, 1);
    this.#running++;
    this.#startLooking();
    if (other) this.#countOther(lane.place.group, 1);
    void work.run(turn).then((end) => {
      const endedAt = this.#now();
      lane.limit.end(ticket, end, endedAt);
      this.#running--;
      this.#countOf(rank, -1);
      if (other) this.#countOther(lane.place.group, -1);
      this.#rest(lane);
      this.#queue(lane, endedAt);
      this.#advance();
      this.#settle();
    });
  }

  #countOf(rank: number, by: number): void {
    this.#runningOf[rank] = (this.#runningOf[rank] ?? 0) + by;
  }

  #countOther(group: string, by: number): void {
    this.#othersSum += by;
    const count = (this.#othersRunning.get(group) ?? 0) + by;
    if (count > 0) this.#othersRunning.set(group, count);
    else this.#othersRunning.delete(group);
  }

  #evict(lane: Lane): void {
    const evicted = lane.waiting.flatMap((line) => line.splice(0));
    this.#waiting -= evicted.length;
    this.#withWaiting.delete(lane);
    this.#rest(lane);
    for (const { work } of evicted) work.evicted();
    this.#settle();
  }
}

/** @param rank - only those as urgent as this, or more */
function waitingOf({ waiting }: Lane, rank: number = RANKS.length - 1): number {
  let count = 0;
  for (let n = 0; n <= rank; n++) count += waiting[n]?.length ?? 0;
  return count;
}

/** Takes the job whose turn it is among those that wait for a target. */
function takeFrom(lane: Lane): Waiting | undefined {
  const waits = (rank: number) => (lane.waiting[rank]?.length ?? 0) > 0;
  const [only, ...more] = RANKS.filter(waits);
  if (only === undefined) return undefined;
  if (more.length === 0 && lane.turns === undefined) return lane.waiting[only]?.shift();
  lane.turns ??= createSharedTurns();
  const rank = lane.turns.order().find(waits) ?? only;
  lane.turns.took(rank, waits);
  return lane.waiting[rank]?.shift();
}
