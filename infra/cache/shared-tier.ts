import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { runScript } from '../redis/script';
import type { Bus } from './bus';
import { AWAY, type RedisGate } from './gate';
import type { Invalidation } from './invalidation';
import { EVERYTHING, type Names } from './names';
import { longestLifeMs, type Settings } from './options';
import { keyPattern } from './pattern';
import { DROP, READ, RELEASE, RENEW, STORE } from './scripts';

/** An entry as Redis has it. No clocks are compared: Redis says how long things still last. */
export interface SharedEntry {
  body: Buffer;
  loadMs: number;
  /** For how long it is still fresh; negative when it no longer is. */
  freshMs: number;
  /** For how long it may still be served. */
  leftMs: number;
  tagIds: string[];
}

/** The right to store what is loaded now, as long as nobody drops it. */
export interface Lease {
  id: string;
  says: string;
  /** Tags and their tokens in turn, as an entry remembers them. */
  tags: string[];
}

export interface SharedAnswer {
  entry: SharedEntry | undefined;
  /** `held`: another process is loading it; `refused`: Redis takes no writes. */
  lease: Lease | 'none' | 'held' | 'refused';
}

const SCAN_PAGE = 500;
/** A pattern that has not been through all of Redis by then costs the whole namespace instead. */
const PATTERN_WITHIN_MS = 5_000;

/** The second level: Redis, shared by all processes. Nothing here throws. */
export class SharedTier {
  readonly #lifeMs: number;

  constructor(
    private readonly gate: RedisGate,
    private readonly bus: Bus,
    private readonly names: Names,
    private readonly settings: Settings<unknown>,
  ) {
    this.#lifeMs = longestLifeMs(settings);
  }

  /**
   * Reads an entry, and takes its lease where it has to be loaded.
   *
   * @param early - how many times the duration of its load before its end an entry is to be loaded anew
   * @param ignore - an entry that cannot be read is as good as none
   */
  async read(
    id: string,
    tagIds: readonly string[],
    { early, ignore }: { early: number; ignore: boolean },
  ): Promise<SharedAnswer | typeof AWAY> {
    const tags = [EVERYTHING, ...tagIds];
    const token = randomBytes(16).toString('hex');
    const keys = this.#keys(id);
    const args = [early, ignore ? 1 : 0, token, this.settings.leaseMs, this.#lifeMs, ...tags];
    const answer = await this.gate.use((redis) => runScript(redis, READ, keys, args));
    return answer === AWAY ? AWAY : parseAnswer(answer as ReadReply, id, tags);
  }

  /** @returns `refused` when what was loaded may be older than a change, and nobody may remember it */
  async store(
    { id, says, tags }: Lease,
    { body, loadMs, ttlMs, staleMs }: { body: Buffer; loadMs: number; ttlMs: number; staleMs: number },
  ): Promise<'stored' | 'refused' | typeof AWAY> {
    const args = [says, body, Math.round(loadMs), staleMs, ttlMs + staleMs, JSON.stringify(tags), this.#lifeMs];
    const told = [this.bus.channel, this.#loaded(id)];
    const stored = await this.gate.use((redis) => runScript(redis, STORE, this.#keys(id), [...args, ...told]));
    if (stored === AWAY) return AWAY;
    return stored === 1 ? 'stored' : 'refused';
  }

  async renew({ id, says }: Lease): Promise<void> {
    await this.gate.use((redis) => runScript(redis, RENEW, [this.names.lease(id)], [says, this.settings.leaseMs]));
  }

  /** Gives a lease back, so that others need not wait for its end. */
  async release({ id, says }: Lease): Promise<void> {
    const args = [says, this.bus.channel, this.#loaded(id)];
    await this.gate.use((redis) => runScript(redis, RELEASE, [this.names.lease(id)], args));
  }

  /** Drops entries and the leases of what is being loaded. Resolves to whether Redis has done it. */
  async drop(what: Invalidation): Promise<boolean> {
    const { names } = this;
    switch (what.kind) {
      case 'keys':
        return this.#drop(
          what.ids.flatMap((id) => [names.entry(id), names.lease(id)]),
          what,
        );
      case 'tags':
        return this.#drop(
          what.ids.map((id) => names.tag(id)),
          what,
        );
      case 'all':
        return this.#drop([names.tag(EVERYTHING)], what);
      case 'pattern':
        return this.#dropPattern(what);
    }
  }

  async #drop(keys: string[], what: Invalidation): Promise<boolean> {
    const args = [this.bus.channel, this.bus.message(this.settings.name, what)];
    return (await this.gate.use((redis) => runScript(redis, DROP, keys, args))) !== AWAY;
  }

  async #dropPattern(what: Invalidation & { kind: 'pattern' }): Promise<boolean> {
    const { glob } = keyPattern(what.pattern);
    const deadline = performance.now() + PATTERN_WITHIN_MS;
    // Leases first: what is stored under one before it is dropped is found as an entry afterwards.
    for (const match of [this.names.lease(glob), this.names.entry(glob)]) {
      for (let cursor: string | undefined = '0'; cursor !== undefined; ) {
        if (performance.now() > deadline) return this.drop({ kind: 'all' });
        const from: string = cursor;
        const next = await this.gate.use((redis) => dropPage(redis, match, from));
        if (next === AWAY) return false;
        cursor = next === '0' ? undefined : next;
      }
    }
    return this.#drop([], what);
  }

  #keys(id: string): string[] {
    return [this.names.entry(id), this.names.lease(id), this.names.tagBase];
  }

  #loaded(id: string): string {
    return this.bus.message(this.settings.name, { kind: 'loaded', id });
  }
}

/** Drops what a page of Redis' keys has that matches. Resolves to the next page. */
async function dropPage(redis: Redis, match: string, cursor: string): Promise<string> {
  // SCAN is the one command to which the connection does not add its prefix.
  const prefix = redis.options.keyPrefix ?? '';
  const [next, keys] = await redis.scan(cursor, 'MATCH', `${prefix}${match}`, 'COUNT', SCAN_PAGE);
  if (keys.length > 0) await redis.unlink(...keys.map((key) => key.slice(prefix.length)));
  return next;
}

/** As the script READ answers. */
type ReadReply = [
  body: Buffer,
  loadMs: Buffer,
  freshMs: number,
  leftMs: number,
  tags: Buffer,
  lease: Buffer,
  says: Buffer,
];

function parseAnswer(reply: ReadReply, id: string, tags: readonly string[]): SharedAnswer {
  const [body, loadMs, freshMs, leftMs, tagList, state, saying] = reply;
  const says = saying.toString();
  const [, ...tokens] = says.split('|');
  const lease = state.toString();
  return {
    entry:
      body.length === 0
        ? undefined
        : { body, loadMs: Number(loadMs.toString()), freshMs, leftMs, tagIds: tagNames(tagList.toString()) },
    lease:
      lease === 'taken'
        ? { id, says, tags: tags.flatMap((tag, index) => [tag, tokens[index] ?? '']) }
        : lease === 'held' || lease === 'refused'
          ? lease
          : 'none',
  };
}

function tagNames(list: string): string[] {
  const both = JSON.parse(list) as string[];
  return both.filter((tag, index) => index % 2 === 0 && tag !== EVERYTHING);
}
