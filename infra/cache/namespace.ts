import { withTimeout } from '../../core/timeout';
import type { Logger } from '../log';
import { boundedLoad, type Load } from './bounded-load';
import type { Announcement, Bus, Listener } from './bus';
import type { Codec } from './codec';
import { CacheMisuse } from './errors';
import { AWAY, type RedisGate } from './gate';
import { type Invalidation, PendingInvalidations, type Target } from './invalidation';
import { LocalTier } from './local-tier';
import type { Names } from './names';
import { jittered, longestLifeMs, type Settings } from './options';
import { keyPattern } from './pattern';
import { type Lease, type SharedAnswer, type SharedEntry, SharedTier } from './shared-tier';
import { type CacheStatistics, Counts } from './statistics';

/** What a value is loaded with. */
export interface LoadOptions {
  /** What it can be dropped by, besides its key. */
  tags?: readonly string[];
}

/** A read that is under way. */
interface Flight<T> {
  id: string;
  tagIds: readonly string[];
  /** Whether something was dropped since it began: what it finds may be remembered by nobody, nor told to whoever comes later. */
  outdated: boolean;
  /** Where its answer came from. */
  found: 'redis' | 'misses';
  answer: Promise<T | undefined>;
}

interface Job<T> {
  load: Load<T | undefined>;
  /** See {@link SharedTier.read}. */
  early: number;
  background: boolean;
}

const POLL_MS = 100;
/** After a refresh that failed. */
const RETRY_AFTER_MS = 1_000;
/** What a read waits for invalidations that Redis has still to hear of, before it goes without Redis. */
const FLUSH_WITHIN_MS = 250;
const FLUSH_AGAIN_MS = 1_000;

const now = () => performance.now();

/** Values of one kind, in three levels: this process, Redis, and the loader. Nothing fails or hangs because of Redis. */
export class Namespace<T> implements Listener {
  readonly #counts = new Counts();
  readonly #local: LocalTier<T>;
  readonly #shared: SharedTier | undefined;
  readonly #pending: PendingInvalidations | undefined;
  /** What later callers may join, by id. */
  readonly #flights = new Map<string, Flight<T>>();
  readonly #underWay = new Set<Flight<T>>();
  readonly #waiting = new Map<string, Set<() => void>>();
  #flushTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly settings: Settings<T>,
    private readonly deps: {
      names: Names;
      codec: Codec<T>;
      log: Logger;
      redis: { gate: RedisGate; bus: Bus } | undefined;
    },
  ) {
    this.#local = new LocalTier(settings.localMaxBytes);
    const { redis, names } = deps;
    if (redis === undefined) return;
    const shared = new SharedTier(redis.gate, redis.bus, names, settings as Settings<unknown>);
    this.#shared = shared;
    this.#pending = new PendingInvalidations((what) => shared.drop(what), longestLifeMs(settings as Settings<unknown>));
    redis.bus.listen(settings.name, this);
  }

  get name(): string {
    return this.settings.name;
  }

  get sensitive(): boolean {
    return this.settings.sensitive;
  }

  statistics(): CacheStatistics {
    const { evictions, size: entries, bytes } = this.#local;
    return this.#counts.statistics({ evictions, entries, bytes });
  }

  /**
   * The value of a key, from the nearest level that has it; it is frozen. Callers that ask at the same time, in whatever
   * process, share one load.
   *
   * @param load - always the same for a key; what it reads must be committed
   * @throws what `load` throws, unless an older value may still be served; CacheValueRefused; CacheLoadTimeout
   */
  getOrLoad(key: string, load: Load<T>, options?: LoadOptions): Promise<T>;
  getOrLoad(key: string, load: Load<T | undefined>, options?: LoadOptions): Promise<T | undefined>;
  async getOrLoad(key: string, load: Load<T | undefined>, { tags = [] }: LoadOptions = {}): Promise<T | undefined> {
    const { names } = this.deps;
    const id = names.id(key);
    // XFetch (Vattani et al., 2015): the longer a load takes and the nearer the end is, the likelier somebody begins early.
    const early = -Math.log(1 - Math.random());
    const at = now();
    const local = this.#local.get(id);
    if (local !== undefined && at < local.useUntil) {
      this.#counts.local++;
      if (at >= local.freshUntil) this.#counts.stale++;
      if (local.freshUntil - at <= local.loadMs * early && at >= local.retryAt)
        this.#refresh(id, tags, { load, early });
      return local.value;
    }
    const joined = this.#flights.get(id);
    const flight = joined ?? this.#begin(id, tags, { load, early, background: false });
    try {
      const value = await flight.answer;
      this.#counts[flight.found]++;
      if (joined !== undefined && flight.found === 'misses') this.#counts.heldOff++;
      return value;
    } catch (error) {
      this.#counts.misses++;
      const older = this.#local.get(id);
      if (older === undefined || now() >= older.staleUntil) throw error;
      this.#counts.stale++;
      return older.value;
    }
  }

  /**
   * Drops values in every process; call it after the change is committed. What is being loaded meanwhile is not kept.
   *
   * @returns whether Redis, and so the others, have been told; otherwise they are as soon as it can be reached
   * @throws CacheMisuse for a pattern where keys are obfuscated
   */
  async invalidate(target: Target): Promise<boolean> {
    const what = this.#invalidation(target);
    this.#forget(what);
    if (this.#pending === undefined) return true;
    this.#pending.add(what);
    return await this.#flush();
  }

  heard(what: Announcement): void {
    if (what.kind === 'loaded') this.#wake(what.id);
    else this.#forget(what);
  }

  missed(): void {
    this.#forget({ kind: 'all' });
  }

  /** Sends what Redis has not heard of, if it answers. */
  async close(): Promise<void> {
    await this.#flush();
    clearTimeout(this.#flushTimer);
  }

  #invalidation(target: Target): Invalidation {
    const { names } = this.deps;
    if (target === 'all') return { kind: 'all' };
    if ('key' in target) return { kind: 'keys', ids: names.ids(target.key) };
    if ('tag' in target) return { kind: 'tags', ids: names.tagIds(target.tag) };
    if (this.settings.sensitive) {
      throw new CacheMisuse(`keys of the namespace "${this.name}" are obfuscated: drop them by key or tag, or all`);
    }
    return { kind: 'pattern', pattern: target.pattern };
  }

  async #flush(): Promise<boolean> {
    const pending = this.#pending;
    if (pending === undefined || (await pending.flush())) return true;
    this.#flushTimer ??= setTimeout(() => {
      this.#flushTimer = undefined;
      void this.#flush();
    }, FLUSH_AGAIN_MS).unref();
    return false;
  }

  #forget(what: Invalidation): void {
    const affects = affectedBy(what);
    switch (what.kind) {
      case 'keys':
        for (const id of what.ids) this.#local.delete(id);
        break;
      case 'tags':
        for (const id of what.ids) this.#local.deleteTag(id);
        break;
      case 'pattern':
        this.#local.deleteWhere((id) => affects({ id, tagIds: [] }));
        break;
      case 'all':
        this.#local.clear();
    }
    for (const flight of this.#underWay) {
      if (!affects(flight)) continue;
      flight.outdated = true;
      if (this.#flights.get(flight.id) === flight) this.#flights.delete(flight.id);
      this.#wake(flight.id);
    }
  }

  #begin(id: string, tags: readonly string[], job: Job<T>): Flight<T> {
    const tagIds = tags.map((tag) => this.deps.names.tagId(tag));
    const flight = this.#track(id, tagIds, (mine) => this.#answer(mine, job));
    this.#flights.set(id, flight);
    const end = () => {
      if (this.#flights.get(id) === flight) this.#flights.delete(id);
    };
    flight.answer.then(end, end);
    return flight;
  }

  #track(id: string, tagIds: readonly string[], run: (flight: Flight<T>) => Promise<T | undefined>): Flight<T> {
    const flight: Flight<T> = { id, tagIds, outdated: false, found: 'misses', answer: Promise.resolve(undefined) };
    this.#underWay.add(flight);
    flight.answer = run(flight).finally(() => this.#underWay.delete(flight));
    return flight;
  }

  #refresh(id: string, tags: readonly string[], job: Omit<Job<T>, 'background'>): void {
    if (this.#flights.has(id)) return;
    this.#inBackground(this.#begin(id, tags, { ...job, background: true }));
  }

  #inBackground({ id, answer }: Flight<T>): void {
    answer.catch((error: unknown) => {
      const local = this.#local.get(id);
      if (local !== undefined) local.retryAt = now() + RETRY_AFTER_MS;
      this.deps.log.warn({ err: error, namespace: this.name }, 'a cached value could not be refreshed');
    });
  }

  async #answer(flight: Flight<T>, { load, early, background }: Job<T>): Promise<T | undefined> {
    const { codec, names } = this.deps;
    const deadline = now() + this.settings.waitMs;
    let ignore = false;
    for (let waited = false; ; waited = true) {
      const at = now();
      const answer = await this.#read(flight, { early, ignore });
      if (answer === AWAY) return this.#loadAlone(flight, load, 'keep');
      const { entry, lease } = answer;
      const opened = entry === undefined ? undefined : codec.open(entry.body, names.place(flight.id));
      if (entry !== undefined && opened !== undefined) {
        if (!waited) flight.found = 'redis';
        else this.#counts.heldOff++;
        this.#remember(flight, { ...opened, ...timesOf(entry), tagIds: entry.tagIds, at });
        if (entry.freshMs <= 0) this.#counts.stale++;
        if (typeof lease === 'string') return opened.value;
        const refresh = this.#track(flight.id, flight.tagIds, (mine) => this.#loadUnderLease(mine, lease, load));
        if (background) return refresh.answer;
        this.#inBackground(refresh);
        return opened.value;
      }
      if (typeof lease !== 'string') return this.#loadUnderLease(flight, lease, load);
      if (lease === 'refused') return this.#loadAlone(flight, load, 'keep');
      // One that cannot be read here, and is not due: asked for once more, as if there were none.
      ignore = entry !== undefined;
      const leftMs = deadline - now();
      if (lease === 'held' && leftMs <= 0) return this.#loadAlone(flight, load, 'forget');
      if (lease === 'held') await this.#awaken(flight.id, Math.min(leftMs, POLL_MS * (0.5 + Math.random())));
    }
  }

  async #read(
    { id, tagIds }: Flight<T>,
    options: { early: number; ignore: boolean },
  ): Promise<SharedAnswer | typeof AWAY> {
    if (this.#shared === undefined || this.#pending === undefined) return AWAY;
    if (this.#pending.size > 0) {
      const told = await withTimeout(this.#flush(), FLUSH_WITHIN_MS).catch(() => false);
      if (!told) return AWAY;
    }
    return this.#shared.read(id, tagIds, options);
  }

  /** Loads without Redis: it is away (then this process remembers it for itself), or another process takes too long. */
  async #loadAlone(flight: Flight<T>, load: Load<T | undefined>, then: 'keep' | 'forget'): Promise<T | undefined> {
    const at = now();
    const { loadMs, value, bytes } = await this.#load(flight, load);
    if (then === 'keep')
      this.#remember(flight, { value, bytes, loadMs, ...this.#lifetime(value), tagIds: flight.tagIds, at });
    return value;
  }

  async #loadUnderLease(flight: Flight<T>, lease: Lease, load: Load<T | undefined>): Promise<T | undefined> {
    const shared = this.#shared;
    if (shared === undefined) return this.#loadAlone(flight, load, 'keep');
    const renewal = setInterval(() => void shared.renew(lease), this.settings.leaseMs / 3);
    let at = now();
    try {
      const { body, ...loaded } = await this.#load(flight, load);
      const life = this.#lifetime(loaded.value);
      if (life.ttlMs === 0) {
        await shared.release(lease);
        return loaded.value;
      }
      const askedAt = now();
      const stored = await shared.store(lease, { body, loadMs: loaded.loadMs, ...life });
      // What Redis has taken was still true when it was asked; otherwise it is as old as the load.
      if (stored === 'stored') at = askedAt;
      if (stored === 'refused') this.#counts.outdated++;
      else this.#remember(flight, { ...loaded, ...life, tagIds: flight.tagIds, at });
      return loaded.value;
    } catch (error) {
      await shared.release(lease);
      throw error;
    } finally {
      clearInterval(renewal);
    }
  }

  async #load(flight: Flight<T>, load: Load<T | undefined>) {
    const { codec, names } = this.deps;
    const startedAt = now();
    this.#counts.loads++;
    try {
      const value = await boundedLoad(load, this.name, this.settings.loadTimeoutMs);
      const loadMs = now() - startedAt;
      this.#counts.loadMs += loadMs;
      return { loadMs, ...codec.seal(value, names.place(flight.id)) };
    } catch (error) {
      this.#counts.loadFailures++;
      throw error;
    }
  }

  /** How long a value is kept that was loaded just now. */
  #lifetime(value: T | undefined): { ttlMs: number; staleMs: number } {
    const { ttlMs, staleMs, negativeTtlMs } = this.settings;
    if (value !== undefined) return { ttlMs: jittered(ttlMs), staleMs };
    return { ttlMs: negativeTtlMs === 0 ? 0 : jittered(negativeTtlMs), staleMs: 0 };
  }

  #remember(
    flight: Flight<T>,
    entry: {
      value: T | undefined;
      bytes: number;
      loadMs: number;
      ttlMs: number;
      staleMs: number;
      tagIds: readonly string[];
      /** The moment that the times are counted from. */
      at: number;
    },
  ): void {
    const { value, bytes, loadMs, ttlMs, staleMs, tagIds, at } = entry;
    if (flight.outdated || ttlMs + staleMs <= 0) return;
    const staleUntil = at + ttlMs + staleMs;
    const useUntil = Math.min(at + this.settings.localTtlMs, staleUntil);
    const times = { useUntil, freshUntil: at + ttlMs, staleUntil, retryAt: 0 };
    this.#local.set(flight.id, { value, bytes, loadMs, tagIds, ...times });
  }

  #awaken(id: string, withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(id) ?? new Set();
      this.#waiting.set(id, waiting);
      const wake = () => {
        clearTimeout(timer);
        waiting.delete(wake);
        if (waiting.size === 0 && this.#waiting.get(id) === waiting) this.#waiting.delete(id);
        resolve();
      };
      const timer = setTimeout(wake, withinMs);
      waiting.add(wake);
    });
  }

  #wake(id: string): void {
    for (const wake of [...(this.#waiting.get(id) ?? [])]) wake();
  }
}

/** Times of an entry that is read from Redis. */
function timesOf({ freshMs, leftMs, loadMs }: SharedEntry) {
  return { ttlMs: freshMs, staleMs: leftMs - freshMs, loadMs };
}

/** Whether an invalidation is about what a flight reads. */
function affectedBy(what: Invalidation): (flight: Pick<Flight<unknown>, 'id' | 'tagIds'>) => boolean {
  switch (what.kind) {
    case 'keys': {
      const ids = new Set(what.ids);
      return ({ id }) => ids.has(id);
    }
    case 'tags': {
      const dropped = new Set(what.ids);
      return ({ tagIds }) => tagIds.some((tag) => dropped.has(tag));
    }
    case 'pattern': {
      const { matches } = keyPattern(what.pattern);
      return ({ id }) => matches(id);
    }
    case 'all':
      return () => true;
  }
}
