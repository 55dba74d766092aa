import fc from 'fast-check';
import { DEFAULT_RETRY_DELAYS_MS, JITTER, MAX_RETRY_AFTER_MS, nextDelay, parseRetryAfter } from './retry-schedule';

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

describe('Retry-After', () => {
  const now = Date.parse('2026-03-01T12:00:00Z');

  test('in seconds', () => {
    fc.assert(
      fc.property(fc.nat(9_999_999), (seconds) => {
        expect(parseRetryAfter(` ${seconds} `, now)).toBe(seconds * 1_000);
      }),
    );
  });

  test('as an HTTP date, counted from now, never negative', () => {
    fc.assert(
      fc.property(fc.integer({ min: -10_000_000, max: 10_000_000 }), (seconds) => {
        const header = new Date(now + seconds * 1_000).toUTCString();
        expect(parseRetryAfter(header, now)).toBe(Math.max(0, seconds * 1_000));
      }),
    );
  });

  test.each([
    '',
    'soon',
    '-5',
    '1.5',
    '5s',
    '0x10',
    '1e3',
    'Infinity',
    'NaN',
    '12345678901',
    'Thu, 99 Foo 2026 00:00:00 GMT',
    '5, 6',
  ])('%j is ignored', (header) => {
    expect(parseRetryAfter(header, now)).toBeUndefined();
  });

  test('whatever is sent, the wait is a number from 0 to an hour, or the schedule’s', () => {
    const header = fc.oneof(
      fc.string(),
      fc.nat().map(String),
      fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
    );
    fc.assert(
      fc.property(header, (sent) => {
        const asked = parseRetryAfter(sent, now);
        expect(asked === undefined || asked >= 0).toBe(true);
        const delay = nextDelay([1_000], 1, 0.5, asked) ?? Number.NaN;
        expect(delay).toBeGreaterThanOrEqual(1_000);
        expect(delay).toBeLessThanOrEqual(MAX_RETRY_AFTER_MS);
      }),
      { numRuns: 500 },
    );
  });
});
