import { LockLost, LockNotAcquired, LockUnavailable, withLock } from '../../../infra/redis/lock';
import { type CacheBench, createCacheBench, startCacheProcess, withRedis } from '../../support/caches';

let bench: CacheBench;
beforeAll(async () => {
  bench = await createCacheBench();
});
afterAll(() => bench.close());

/** What a lock guards: it takes no write of a lower fence than it has seen. */
function fencedResource() {
  let highest = 0n;
  const written: string[] = [];
  return {
    written,
    write(fence: bigint, what: string): boolean {
      if (fence < highest) return false;
      highest = fence;
      written.push(what);
      return true;
    },
  };
}

withRedis('a holder that was paused is told, and its late write is refused by the fence', async () => {
  const resource = fencedResource();
  const { redis } = await bench.open();
  const paused = startCacheProcess(
    bench,
    `const { withLock } = dist('infra/redis/lock');
     await withLock(redis, 'paused', { ttlMs: 600, waitMs: 0 }, async ({ signal, fence }) => {
       say(String(fence));
       await heard();
       if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
       say(signal.reason.name);
     });
     say('ended');`,
  );
  try {
    const fence = BigInt(await paused.line());
    // It holds on for as long as it lives.
    await expect(withLock(redis, 'paused', { ttlMs: 600, waitMs: 1_500 }, async () => {})).rejects.toThrow(
      LockNotAcquired,
    );
    paused.kill('SIGSTOP');
    await withLock(redis, 'paused', { ttlMs: 60_000, waitMs: 60_000 }, async (held) => {
      expect(held.fence).toBeGreaterThan(fence);
      expect(resource.write(held.fence, 'the next holder')).toBe(true);
      paused.kill('SIGCONT');
      paused.say('go on');
      expect(await paused.line()).toBe('LockLost');
      expect(resource.write(fence, 'the paused holder')).toBe(false);
      expect(await paused.line()).toBe('ended');
      // Nor has it given back what is no longer its own.
      expect(await redis.exists('lock:{paused}')).toBe(1);
    });
    expect(resource.written).toEqual(['the next holder']);
  } finally {
    paused.kill();
  }
});

withRedis('of two processes one works at a time, in the order of their fences', async () => {
  const program = `
    const { withLock } = dist('infra/redis/lock');
    for (let i = 0; i < 10; i++) {
      await withLock(redis, 'turns', { ttlMs: 30_000, waitMs: 60_000 }, async ({ fence }) => {
        const inside = await redis.incr('inside');
        await redis.rpush('fences', String(fence));
        if (inside !== 1) say('both at once');
        await redis.decr('inside');
      });
    }
    say('done');`;
  const both = [startCacheProcess(bench, program), startCacheProcess(bench, program)];
  try {
    for (const each of both) expect(await each.line()).toBe('done');
    const fences = await bench.raw.lrange(`${bench.prefix}:fences`, 0, -1);
    expect(fences).toHaveLength(20);
    expect(fences).toEqual([...new Set(fences)].sort());
  } finally {
    for (const each of both) each.kill();
  }
});

withRedis('fences go on where Redis has lost its data, and where its clock went back', async () => {
  const { redis } = await bench.open();
  const fence = () => withLock(redis, 'fences', { ttlMs: 30_000, waitMs: 30_000 }, async (held) => held.fence);
  const first = await fence();
  await redis.del('lock:{fences}:fence');
  const second = await fence();
  expect(second).toBeGreaterThan(first);
  const ahead = second + 3_600_000_000n;
  await redis.set('lock:{fences}:fence', String(ahead));
  expect(await fence()).toBe(ahead + 1n);
});

withRedis('without Redis a lock is not given, and one that is held is lost after its time', async () => {
  const { redis, proxy } = await bench.open();
  await withLock(redis, 'away', { ttlMs: 500, waitMs: 0 }, async ({ signal }) => {
    proxy.cut();
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    expect(signal.reason).toBeInstanceOf(LockLost);
  });
  await expect(withLock(redis, 'away', { ttlMs: 500, waitMs: 0 }, async () => {})).rejects.toThrow(LockUnavailable);
});
