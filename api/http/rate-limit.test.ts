import fc from 'fast-check';
import { createRateLimiter } from './rate-limit';

function limiterAt(perSecond: number, { maxKeys, burst }: { maxKeys?: number; burst?: number } = {}) {
  let now = 1_000_000;
  const limiter = createRateLimiter({
    perSecond,
    now: () => now,
    ...(maxKeys === undefined ? {} : { maxKeys }),
    ...(burst === undefined ? {} : { burst }),
  });
  return {
    take: (key = 'a') => limiter.take(key),
    giveBack: () => limiter.giveBack('a'),
    wait: (ms: number) => {
      now += ms;
    },
  };
}

test("a second's worth may come at once, then one whenever one has drained", () => {
  const { take, wait } = limiterAt(4);
  expect([1, 2, 3, 4].map(() => take().remaining)).toEqual([3, 2, 1, 0]);
  expect(take()).toEqual({ allowed: false, limit: 4, remaining: 0, resetSeconds: 1, retryAfterSeconds: 1 });
  wait(249);
  expect(take().allowed).toBe(false);
  wait(1);
  expect([take().allowed, take().allowed]).toEqual([true, false]);
  wait(10_000);
  expect(take()).toMatchObject({ allowed: true, remaining: 3 });
});

test('a burst may be larger than what a second drains, and what is given back may be taken again', () => {
  const { take, giveBack, wait } = limiterAt(2, { burst: 6 });
  expect([1, 2, 3, 4, 5, 6].map(() => take().remaining)).toEqual([5, 4, 3, 2, 1, 0]);
  expect(take()).toMatchObject({ allowed: false, retryAfterSeconds: 1, resetSeconds: 3 });
  giveBack();
  expect([take().allowed, take().allowed]).toEqual([true, false]);
  wait(1_000);
  expect([take().allowed, take().allowed, take().allowed]).toEqual([true, true, false]);
});

test('keys do not count for each other', () => {
  const { take } = limiterAt(1);
  expect([take('a').allowed, take('b').allowed, take('a').allowed]).toEqual([true, true, false]);
});

test('a refused request takes nothing, so whoever waits as told is let in', () => {
  const { take, wait } = limiterAt(1);
  take();
  for (let tries = 0; tries < 50; tries++) take();
  wait(take().retryAfterSeconds * 1000);
  expect(take().allowed).toBe(true);
});

test('no second, wherever it begins, lets more than twice the limit pass; and the limit always passes', () => {
  const rate = fc.integer({ min: 1, max: 50 });
  const steps = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(rate, steps, (perSecond, waits) => {
      const { take, wait } = limiterAt(perSecond);
      const passed: number[] = [];
      let now = 0;
      for (const ms of waits) {
        wait(ms);
        now += ms;
        const { allowed, remaining } = take();
        if (allowed) passed.push(now);
        expect(remaining).toBeGreaterThanOrEqual(0);
        expect(remaining).toBeLessThan(perSecond);
      }
      for (const [index, start] of passed.entries()) {
        const within = passed.slice(index).filter((at) => at < start + 1000).length;
        expect(within).toBeLessThanOrEqual(2 * perSecond);
      }
      if (waits.length <= perSecond) expect(passed).toHaveLength(waits.length);
    }),
  );
});
