import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { z } from 'zod';
import type { Namespace } from '../../../infra/cache/namespace';
import { retireGuard } from '../../../infra/setup/processes/guard';
import { startRedis } from '../../../infra/setup/servers/redis-server';
import type { Server } from '../../../infra/setup/servers/server';
import { type CacheBench, type CacheSide, createCacheBench, withRedis } from '../../support/caches';
import { eventually } from '../../support/receiver';

const LONG_MS = 600_000;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

let folder: string;
let server: Server | undefined;
let bench: CacheBench;
beforeAll(async () => {
  if (process.env.REDIS_URL === undefined) return;
  // One of its own: it is filled up and made a replica.
  folder = mkdtempSync(path.join(tmpdir(), 'waybill-redis-'));
  const env = { ...process.env, REDIS_URL: undefined };
  server = await startRedis({
    dataDir: folder,
    logFolder: folder,
    port: undefined,
    env,
    log: () => {},
    signal: undefined,
  });
  bench = await createCacheBench(server?.address);
});
afterAll(async () => {
  await bench?.close();
  await server?.stop();
  await retireGuard();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

interface Trouble {
  name: string;
  begin(side: CacheSide): Promise<unknown>;
  end(side: CacheSide): Promise<unknown>;
}

const TROUBLES: Trouble[] = [
  { name: 'away', begin: async ({ proxy }) => proxy.cut(), end: async ({ proxy }) => proxy.mend() },
  { name: 'slow', begin: async ({ proxy }) => proxy.delay(2_000), end: async ({ proxy }) => proxy.delay(0) },
  {
    name: 'full',
    begin: async () => {
      await bench.raw.config('SET', 'maxmemory-policy', 'noeviction');
      return bench.raw.config('SET', 'maxmemory', '1mb');
    },
    end: () => bench.raw.config('SET', 'maxmemory', '256mb'),
  },
  {
    name: 'read-only',
    begin: () => bench.raw.call('REPLICAOF', '127.0.0.1', '1'),
    end: () => bench.raw.call('REPLICAOF', 'NO', 'ONE'),
  },
];

withRedis.each(TROUBLES)('a Redis that is $name fails nothing, and is used again by itself', async (trouble) => {
  const [here, there] = [await bench.open(), await bench.open()];
  const options = { name: `trouble-${trouble.name}`, schema: z.string(), ttlMs: LONG_MS, localTtlMs: 1, waitMs: 0 };
  const [one, two] = [here.caches.namespace(options), there.caches.namespace(options)];
  expect(await one.getOrLoad('known', async () => 'old')).toBe('old');
  await trouble.begin(here);
  for (let round = 0; round < 20; round++) {
    await pause(2);
    const since = performance.now();
    expect(await one.getOrLoad(`unknown ${round}`, async () => 'loaded')).toBe('loaded');
    // One command at most is waited for, of the 2 s that a slow answer takes.
    expect(performance.now() - since).toBeLessThan(1_800);
  }
  await one.invalidate({ key: 'known' });
  expect(await one.getOrLoad('known', async () => 'new')).toBe('new');
  await trouble.end(here);
  // Redis hears of it, and with it the others.
  await eventually(async () => {
    // Before Redis has heard of it, nobody here asks Redis, which still has the old one.
    expect(await one.getOrLoad('known', async () => 'new')).toBe('new');
    return (await two.getOrLoad('known', async () => 'new')) === 'new' || undefined;
  });
  await eventually(async () => {
    await one.getOrLoad('shared again', async () => 'by one');
    await pause(2);
    return (
      (await two.getOrLoad('shared again', async () => 'by two')) === 'by one' || void (await one.invalidate('all'))
    );
  });
});

withRedis('a process that ends tells what it could not tell before', async () => {
  const [ending, other] = [await bench.open(), await bench.open()];
  const options = { name: 'ending', schema: z.string(), ttlMs: LONG_MS, localTtlMs: LONG_MS };
  const things = ending.caches.namespace(options);
  await things.getOrLoad('k', async () => 'old');
  // Of a Redis that takes no writes; what waits is tried again after a second.
  await bench.raw.call('REPLICAOF', '127.0.0.1', '1');
  expect(await things.invalidate({ key: 'k' })).toBe(false);
  await bench.raw.call('REPLICAOF', 'NO', 'ONE');
  await pause(60);
  await ending.caches.close();
  expect(await other.caches.namespace(options).getOrLoad('k', async () => 'new')).toBe('new');
});

const LOCAL_TTL_MS = 150;
const KEYS = ['a1'];

type Step =
  | { kind: 'read'; process: number; key: number; loadMs: number }
  | { kind: 'write'; process: number; key: number; by: 'key' | 'tag' | 'pattern' | 'all' }
  | { kind: 'outage'; process: number; ms: number }
  | { kind: 'lose' }
  | { kind: 'wait'; ms: number };

const processOf = fc.nat({ max: 1 });
const keyOf = fc.nat({ max: KEYS.length - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      process: processOf,
      key: keyOf,
      loadMs: fc.nat({ max: 30 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      process: processOf,
      key: keyOf,
      by: fc.constantFrom('key' as const, 'tag' as const, 'pattern' as const, 'all' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('outage' as const), process: processOf, ms: fc.nat({ max: 60 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'lose' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat({ max: 250 }) }) },
);

/**
 * What is promised: whoever has invalidated a key never sees an older value; nor does anybody else, once Redis has been told
 * and `localTtlMs` have passed, even if no message arrives.
 */
withRedis('nobody sees what was dropped, whatever Redis does meanwhile', async () => {
  const sides = [await bench.open(), await bench.open()];
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 80, maxLength: 120 }), async (steps) => {
      const name = `property-${++run}`;
      for (const { proxy } of sides) proxy.mend();
      const options = {
        name,
        schema: z.number(),
        ttlMs: LONG_MS,
        localTtlMs: LOCAL_TTL_MS,
        staleMs: LONG_MS,
        leaseMs: 200,
        waitMs: 400,
      };
      const namespaces = sides.map(({ caches }) => caches.namespace(options)) as [Namespace<number>, Namespace<number>];
      const stored = KEYS.map(() => 0);
      /** Which version a process has to see at least, from which moment on. */
      const due = sides.map(() => KEYS.map(() => [] as { version: number; from: number }[]));
      /** What a process has written and Redis has not heard of. */
      const untold = sides.map(() => new Map<number, number>());
      const reads: Promise<void>[] = [];
      const write = async (process: number, key: number, by: string) => {
        const keyName = KEYS[key] ?? '';
        const version = (stored[key] ?? 0) + 1;
        stored[key] = version;
        const target =
          by === 'key'
            ? { key: keyName }
            : by === 'tag'
              ? { tag: `tag ${keyName}` }
              : by === 'pattern'
                ? { pattern: `*${keyName}` }
                : ('all' as const);
        const telling = namespaces[process]?.invalidate(target);
        due[process]?.[key]?.push({ version, from: performance.now() });
        untold[process]?.set(key, version);
        const saying = new Map(untold[process]);
        if ((await telling) !== true) return;
        const from = performance.now() + LOCAL_TTL_MS;
        for (const [toldKey, toldVersion] of saying) {
          for (const each of due) each[toldKey]?.push({ version: toldVersion, from });
        }
      };
      const read = async (process: number, key: number, loadMs: number) => {
        const at = performance.now();
        const least = Math.max(
          0,
          ...(due[process]?.[key] ?? []).filter(({ from }) => from <= at).map((one) => one.version),
        );
        const load = async () => {
          const version = stored[key] ?? 0;
          await pause(loadMs);
          return version;
        };
        const got = await namespaces[process]?.getOrLoad(KEYS[key] ?? '', load, { tags: [`tag ${KEYS[key]}`] });
        expect(got).toBeGreaterThanOrEqual(least);
      };
      const outages: NodeJS.Timeout[] = [];
      const outage = (process: number, ms: number) => {
        sides[process]?.proxy.cut();
        outages.push(setTimeout(() => sides[process]?.proxy.mend(), ms));
      };
      const writes: Promise<void>[] = [];
      for (const one of steps) {
        if (one.kind === 'read') reads.push(read(one.process, one.key, one.loadMs));
        else if (one.kind === 'write') writes.push(write(one.process, one.key, one.by));
        else if (one.kind === 'wait') await pause(one.ms);
        else if (one.kind === 'outage') outage(one.process, one.ms);
        else for (const key of await bench.keys()) await bench.raw.unlink(`${bench.prefix}:${key}`);
        // So that the next finds what this one has begun.
        await pause(Math.floor(Math.random() * 10));
      }
      await Promise.all([...reads, ...writes]);
      for (const timer of outages) clearTimeout(timer);
      for (const { proxy } of sides) proxy.mend();
      for (const [process, namespace] of namespaces.entries()) {
        for (const [key, keyName] of KEYS.entries()) {
          await eventually(
            async () => {
              const got = await namespace.getOrLoad(keyName, async () => stored[key] ?? 0, {
                tags: [`tag ${keyName}`],
              });
              return got === stored[key] || undefined;
            },
            60_000,
            () => `process ${process} is behind`,
          );
        }
      }
    }),
    // A smaller example takes long to find, and rarely fails again.
    { numRuns: 12, endOnFailure: true },
  );
});
