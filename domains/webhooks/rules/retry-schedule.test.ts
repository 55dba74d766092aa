import fc from 'fast-check';
import { DEFAULT_RETRY_DELAYS_MS, JITTER, MAX_RETRY_AFTER_MS, nextDelay } from './retry-schedule';

const DAY_MS = 86_400_000;
const delays = fc.array(fc.integer({ min: 1, max: 7 * DAY_MS }), { maxLength: 30 });
const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('by default five attempts are made within about 22 minutes', () => {
  expect(DEFAULT_RETRY_DELAYS_MS).toHaveLength(4);
  const total = DEFAULT_RETRY_DELAYS_MS.reduce((sum, delay) => sum + delay, 0);
  expect(total / 60_000).toBeGreaterThan(21);
  expect(total / 60_000).toBeLessThan(22);
});

describe('the next delay', () => {
  test('is the scheduled one, spread by a fifth at most, while the schedule lasts', () => {
    fc.assert(
      fc.property(delays, fc.integer({ min: 1, max: 40 }), share, (schedule, failures, random) => {
        const delay = nextDelay(schedule, failures, random);
        const planned = schedule[failures - 1];
        if (planned === undefined) return expect(delay).toBeUndefined();
        expect(Number.isInteger(delay)).toBe(true);
        expect(delay).toBeGreaterThanOrEqual(Math.round(planned * (1 - JITTER)));
        expect(delay).toBeLessThanOrEqual(Math.round(planned * (1 + JITTER)));
      }),
    );
  });

  test('uses the whole spread, evenly', () => {
    const sample = Array.from({ length: 1_000 }, (_, n) => nextDelay([1_000], 1, n / 1_000) ?? Number.NaN);
    expect(Math.min(...sample)).toBe(800);
    expect(Math.max(...sample)).toBeGreaterThanOrEqual(1_199);
    expect(Math.abs(sample.filter((delay) => delay < 1_000).length - 500)).toBeLessThan(5);
  });

  test('is never sooner than the receiver asked, up to an hour, and never later for its asking than that', () => {
    fc.assert(
      fc.property(delays, fc.integer({ min: 1, max: 30 }), share, fc.nat(), (schedule, failures, random, asked) => {
        const plain = nextDelay(schedule, failures, random);
        const delay = nextDelay(schedule, failures, random, asked);
        if (plain === undefined) return expect(delay).toBeUndefined();
        expect(delay).toBe(Math.max(plain, Math.min(asked, MAX_RETRY_AFTER_MS)));
      }),
    );
    expect(nextDelay([100], 1, 0.5, Number.POSITIVE_INFINITY)).toBe(MAX_RETRY_AFTER_MS);
  });
});
