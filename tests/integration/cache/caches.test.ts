import { z } from 'zod';
import type { Namespace } from '../../../infra/cache/namespace';
import { type CacheBench, createCacheBench, startCacheProcess, withRedis } from '../../support/caches';
import { eventually } from '../../support/receiver';

const LONG_MS = 600_000;
const options = { name: 'things', schema: z.string(), ttlMs: LONG_MS, localTtlMs: LONG_MS };

let bench: CacheBench;
beforeAll(async () => {
  bench = await createCacheBench();
});
afterAll(() => bench.close());

/** A loader that ends when it is told, and counts how often it was called. */
function heldLoad() {
  const waiting: ((value: string) => void)[] = [];
  return {
    load: () => new Promise<string>((resolve) => void waiting.push(resolve)),
    get calls() {
      return waiting.length;
    },
    end: (value: string) => {
      for (const resolve of waiting) resolve(value);
    },
  };
}

/** Resolves when this process is heard by the other. */
async function hearing(speaker: Namespace<string>, listener: Namespace<string>): Promise<void> {
  await eventually(async () => {
    await listener.getOrLoad('hearing', async () => 'old');
    await speaker.invalidate({ key: 'hearing' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    const got = await listener.getOrLoad('hearing', async () => 'new');
    await speaker.invalidate({ key: 'hearing' });
    return got === 'new' || undefined;
  });
}

withRedis('500 callers in three processes on an expired key make one load', async () => {
  const program = `
    const things = caches.namespace({ name: 'hot', schema: z.string(), ttlMs: ${LONG_MS} });
    const load = async () => {
      await redis.incr('loads');
      await new Promise((resolve) => setTimeout(resolve, 300));
      return 'loaded';
    };
    say('ready');
    await heard();
    const calls = Array.from({ length: 167 }, () => things.getOrLoad('key', load));
    say(JSON.stringify([...new Set(await Promise.all(calls))]));
    say(JSON.stringify(things.statistics()));`;
  const { caches } = await bench.open();
  await caches.namespace({ ...options, name: 'hot' }).getOrLoad('key', async () => 'before');
  const entry = `${bench.prefix}:cache:{hot}:e:key`;
  await bench.raw.pexpire(entry, 1);
  await eventually(async () => (await bench.raw.exists(entry)) === 0 || undefined);
  const processes = [1, 2, 3].map(() => startCacheProcess(bench, program));
  try {
    for (const each of processes) expect(await each.line()).toBe('ready');
    for (const each of processes) each.say('go');
    for (const each of processes) expect(JSON.parse(await each.line())).toEqual(['loaded']);
    expect(await bench.raw.get(`${bench.prefix}:loads`)).toBe('1');
    const all = [];
    for (const each of processes) all.push(JSON.parse(await each.line()));
    expect(all.reduce((sum, { loads }) => sum + loads, 0)).toBe(1);
    expect(all.reduce((sum, { hits, misses }) => sum + hits.local + hits.redis + misses, 0)).toBe(501);
  } finally {
    for (const each of processes) each.kill();
  }
});

withRedis('a loading process that is killed holds the others up for one lease', async () => {
  const leaseMs = 500;
  const killed = startCacheProcess(
    bench,
    `const things = caches.namespace({ name: 'killed', schema: z.string(), ttlMs: ${LONG_MS}, leaseMs: ${leaseMs} });
     await things.getOrLoad('key', () => new Promise(() => say('loading')));`,
  );
  expect(await killed.line()).toBe('loading');
  const { caches } = await bench.open();
  const things = caches.namespace({ ...options, name: 'killed', leaseMs, waitMs: 60_000 });
  let loads = 0;
  const value = things.getOrLoad('key', async () => `load ${++loads}`);
  // As long as it lives it keeps its lease.
  await new Promise((resolve) => setTimeout(resolve, 3 * leaseMs));
  expect(loads).toBe(0);
  killed.kill();
  const killedAt = performance.now();
  expect(await value).toBe('load 1');
  expect(performance.now() - killedAt).toBeLessThan(20 * leaseMs);
  expect(await bench.keys()).toContain('cache:{killed}:e:key');
});

const TARGETS = [
  ['key', { key: 'a*1' }],
  ['tag', { tag: 'odd' }],
  ['pattern', { pattern: 'a*' }],
  ['the whole namespace', 'all' as const],
] as const;

describe('what is dropped', () => {
  let here: Namespace<string>;
  let there: Namespace<string>;
  beforeAll(async () => {
    if (process.env.REDIS_URL === undefined) return;
    [here, there] = (await Promise.all(
      [1, 2].map(async () => (await bench.open()).caches.namespace({ ...options, name: 'dropped' })),
    )) as [Namespace<string>, Namespace<string>];
    await hearing(here, there);
  });

  withRedis.each(TARGETS)('by %s is forgotten by every process, and nothing else is', async (_name, target) => {
    const fill = async (value: string) => {
      for (const each of [here, there]) {
        await each.getOrLoad('a*1', async () => value, { tags: ['odd'] });
        await each.getOrLoad('b', async () => value, { tags: ['even'] });
      }
    };
    await here.invalidate('all');
    await eventually(async () => {
      await fill('old');
      return (await there.getOrLoad('b', async () => 'old')) === 'old' || undefined;
    });
    await fill('old');
    expect(await here.invalidate(target)).toBe(true);
    const read = (from: Namespace<string>, key: string, tag: string) =>
      from.getOrLoad(key, async () => 'new', { tags: [tag] });
    expect(await read(here, 'a*1', 'odd')).toBe('new');
    const since = performance.now();
    await eventually(async () => (await read(there, 'a*1', 'odd')) === 'new' || undefined);
    expect(performance.now() - since).toBeLessThan(10_000);
    const kept = target === 'all' ? 'new' : 'old';
    expect([await read(here, 'b', 'even'), await read(there, 'b', 'even')]).toEqual([kept, kept]);
  });

  withRedis.each(TARGETS)('by %s while it is being loaded is kept by nobody', async (_name, target) => {
    await here.invalidate('all');
    const before = heldLoad();
    const first = here.getOrLoad('a*1', before.load, { tags: ['odd'] });
    await eventually(async () => before.calls === 1 || undefined);
    await there.invalidate(target);
    // Nobody who comes now may be given what was read before.
    const after = there.getOrLoad('a*1', async () => 'after', { tags: ['odd'] });
    expect(await after).toBe('after');
    before.end('before');
    expect(await first).toBe('before');
    expect(await there.getOrLoad('a*1', async () => 'never')).toBe('after');
    expect(await here.getOrLoad('a*1', async () => 'never')).toBe('after');
  });
});

withRedis('what is not there is remembered for its own time, and nothing longer', async () => {
  const { caches } = await bench.open();
  const never = caches.namespace({ ...options, name: 'never' });
  const some = caches.namespace({ ...options, name: 'some', negativeTtlMs: LONG_MS });
  for (const [namespace, calls] of [
    [never, 2],
    [some, 1],
  ] as const) {
    const load = jest.fn(async () => undefined);
    expect([await namespace.getOrLoad('k', load), await namespace.getOrLoad('k', load)]).toEqual([
      undefined,
      undefined,
    ]);
    expect(load).toHaveBeenCalledTimes(calls);
  }
});

withRedis('a value after its time is served while it is loaded anew, once, and when it cannot be', async () => {
  const name = 'stale';
  const [one, two] = (await Promise.all(
    [1, 2].map(async () =>
      (await bench.open()).caches.namespace({ ...options, name, ttlMs: 1, staleMs: LONG_MS, localTtlMs: 1 }),
    ),
  )) as [Namespace<string>, Namespace<string>];
  await one.getOrLoad('k', async () => 'first');
  await new Promise((resolve) => setTimeout(resolve, 10));
  const held = heldLoad();
  expect(await one.getOrLoad('k', held.load)).toBe('first');
  expect(await two.getOrLoad('k', held.load)).toBe('first');
  await eventually(async () => held.calls > 0 || undefined);
  expect(held.calls).toBe(1);
  held.end('second');
  await eventually(async () => (await two.getOrLoad('k', held.load)) === 'second' || undefined);
  const failing = () => Promise.reject(new Error('the database is away'));
  for (let times = 0; times < 5; times++) expect(await one.getOrLoad('k', failing)).not.toBe('first');
  await expect(one.getOrLoad('another', failing)).rejects.toThrow('the database is away');
});

withRedis('Redis sees nothing of a sensitive namespace, nor do those who listen', async () => {
  const said: string[] = [];
  const listener = bench.raw.duplicate();
  await listener.subscribe(`${bench.prefix}:cache`);
  listener.on('message', (_channel, text) => said.push(text));
  const { caches } = await bench.open();
  const open = { ...options, schema: z.object({ card: z.string() }), compressFrom: 1 };
  const sensitive = caches.namespace({ ...open, name: 'sensitive', sensitive: true });
  const plain = caches.namespace({ ...open, name: 'plain' });
  for (const namespace of [sensitive, plain]) {
    const load = async () => ({ card: 'PLANTED-VALUE' });
    await namespace.getOrLoad('PLANTED-KEY', load, { tags: ['PLANTED-TAG'] });
  }
  const seen = async (name: string) => {
    const keys = (await bench.keys()).filter((key) => key.includes(`{${name}}`));
    const dumps = await Promise.all(keys.map((key) => bench.raw.dumpBuffer(`${bench.prefix}:${key}`)));
    return [...keys, ...dumps.map((dump) => dump?.toString('latin1'))].join('\n');
  };
  // That it is looked for in the right place shows where nothing is hidden.
  expect(await seen('plain')).toContain('PLANTED-KEY');
  expect(await seen('sensitive')).not.toContain('PLANTED');
  expect((await bench.keys()).some((key) => key.startsWith('cache:{sensitive}:e:'))).toBe(true);
  await expect(sensitive.invalidate({ pattern: 'PLANTED*' })).rejects.toThrow('are obfuscated');
  await sensitive.invalidate({ key: 'PLANTED-KEY' });
  await sensitive.invalidate({ tag: 'PLANTED-TAG' });
  await plain.invalidate({ key: 'PLANTED-KEY' });
  await eventually(async () => said.some((text) => text.includes('PLANTED-KEY')) || undefined);
  expect(said.filter((text) => text.includes('"sensitive"')).join('\n')).not.toContain('PLANTED');
  listener.disconnect();
});

withRedis('what another version has stored is loaded anew', async () => {
  const { caches } = await bench.open();
  await caches.namespace({ ...options, name: 'version' }).getOrLoad('k', async () => 'text');
  const later = (await bench.open()).caches.namespace({ ...options, name: 'version', schema: z.number() });
  expect(await later.getOrLoad('k', async () => 7)).toBe(7);
  expect(later.statistics()).toMatchObject({ loads: 1, loadFailures: 0 });
});
