import fc from 'fast-check';
import {
  type CircuitSettings,
  DEFAULT_CIRCUIT,
  dueLevels,
  ESCALATION_LEVELS,
  type HealthTally,
  healthOf,
  probeDelayMs,
  tally,
  trippedBy,
} from './circuit';

const settings = fc.record<CircuitSettings>({
  enabled: fc.constant(true),
  consecutiveFailures: fc.integer({ min: 1, max: 20 }),
  failureRatio: fc.double({ min: 0.01, max: 1, noNaN: true }),
  windowSeconds: fc.integer({ min: 1, max: 600 }),
  minimumAttempts: fc.integer({ min: 1, max: 40 }),
  drainPerSecond: fc.integer({ min: 1, max: 1_000 }),
});
const NOTHING: HealthTally = { attempts: 0, failures: 0, failuresInRow: 0 };
const results = fc.array(fc.boolean(), { maxLength: 60 });

test('a tally says how many were made, how many failed, and how many since the last success', () => {
  fc.assert(
    fc.property(results, (good) => {
      const told = good.reduce(tally, NOTHING);
      expect(told).toEqual({
        attempts: good.length,
        failures: good.filter((one) => !one).length,
        failuresInRow: good.length - 1 - good.lastIndexOf(true),
      });
    }),
  );
});

test('a circuit opens after so many failures in a row, or when the share is reached with enough attempts, and only then', () => {
  fc.assert(
    fc.property(settings, results, (circuit, good) => {
      const counters = good.reduce(tally, NOTHING);
      const inRow = counters.failuresInRow >= circuit.consecutiveFailures;
      const share =
        counters.failures > 0 &&
        counters.attempts >= circuit.minimumAttempts &&
        counters.failures >= circuit.failureRatio * counters.attempts - 1e-9;
      expect(trippedBy(counters, circuit) !== undefined).toBe(inRow || share);
      expect(trippedBy(counters, { ...circuit, enabled: false })).toBeUndefined();
    }),
  );
});

test('one more failure never closes what one fewer would open', () => {
  fc.assert(
    fc.property(settings, results, (circuit, good) => {
      const before = good.reduce(tally, NOTHING);
      if (trippedBy(before, circuit) !== undefined) {
        expect(trippedBy(tally(before, false), circuit)).toBeDefined();
      }
    }),
  );
});

test('only successes never open a circuit', () => {
  expect(trippedBy({ failuresInRow: 0, attempts: 1_000, failures: 0 }, DEFAULT_CIRCUIT)).toBeUndefined();
});

test('a receiver that asks for time, and an attempt that was not sent, say nothing of the endpoint', () => {
  expect(['http-429', 'endpoint-unreadable'].map(healthOf)).toEqual(['unknown', 'unknown']);
  expect([undefined, 'timeout', 'http-500', 'http-404'].map(healthOf)).toEqual(['good', 'bad', 'bad', 'bad']);
});

test('pauses between probes grow, up to the longest', () => {
  fc.assert(
    fc.property(
      fc.nat(10_000),
      fc.integer({ min: 1, max: 10_000 }),
      fc.integer({ min: 0, max: 600_000 }),
      (n, firstMs, more) => {
        const times = { firstMs, longestMs: firstMs + more };
        const [now, next] = [probeDelayMs(n, times), probeDelayMs(n + 1, times)];
        expect(now).toBeGreaterThanOrEqual(firstMs);
        expect(next).toBeGreaterThanOrEqual(now);
        expect(next).toBeLessThanOrEqual(times.longestMs);
      },
    ),
  );
});

test('each level is told once, in order of its time, and none before', () => {
  const times = { webhook: 100, slack: 200, sms: Number.POSITIVE_INFINITY };
  fc.assert(
    fc.property(fc.nat(400), fc.subarray([...ESCALATION_LEVELS]), (openForMs, told) => {
      const { due, nextInMs } = dueLevels(openForMs, times, told);
      expect(due).toEqual(ESCALATION_LEVELS.filter((level) => !told.includes(level) && times[level] <= openForMs));
      const later = ESCALATION_LEVELS.filter((level) => !told.includes(level) && times[level] > openForMs);
      expect(nextInMs).toBe(
        later.length === 0 ? undefined : Math.min(...later.map((level) => times[level] - openForMs)),
      );
    }),
  );
});
