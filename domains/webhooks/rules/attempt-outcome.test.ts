import fc from 'fast-check';
import { type AttemptContext, type AttemptResult, decide } from './attempt-outcome';
import { MAX_RETRY_AFTER_MS } from './retry-schedule';

const context: AttemptContext = { delaysMs: [1_000, 2_000], attemptsInRun: 1, random: 0.5, nowMs: 0 };
const response = (status: number, retryAfter?: string): AttemptResult => ({ kind: 'response', status, retryAfter });

const failedStatus = fc
  .integer({ min: 100, max: 599 })
  .filter((status) => status !== 410 && (status < 200 || status > 299));
const failure: fc.Arbitrary<AttemptResult> = fc.oneof(
  fc.record({
    kind: fc.constant('response' as const),
    status: failedStatus,
    retryAfter: fc.option(fc.string(), { nil: undefined }),
  }),
  fc.record({
    kind: fc.constant('error' as const),
    code: fc.constantFrom('timeout', 'dns', 'connection', 'tls', 'blocked'),
  }),
);
const delays = fc.array(fc.integer({ min: 1, max: 604_800_000 }), { maxLength: 30 });
const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('every 2xx delivers, on whichever attempt', () => {
  for (let status = 200; status < 300; status++) {
    expect(decide(response(status), { ...context, attemptsInRun: 99 })).toEqual({ state: 'delivered' });
  }
});

test('410 ends the delivery at once', () => {
  expect(decide(response(410, '5'), context)).toEqual({ state: 'dead', reason: 'gone' });
});

test.each([301, 302, 303, 307, 308, 304])('%i is a failure: redirects are not followed', (status) => {
  expect(decide(response(status), context)).toEqual({ state: 'retrying', delayMs: 1_000 });
});

test('everything else is retried, with or without a response', () => {
  fc.assert(
    fc.property(failure, (result) => {
      expect(decide(result, context).state).toBe('retrying');
    }),
  );
});

test('a delivery that always fails is attempted once more than its schedule has delays, then dead', () => {
  fc.assert(
    fc.property(delays, failure, share, (delaysMs, result, random) => {
      for (let attemptsInRun = 1; attemptsInRun <= delaysMs.length; attemptsInRun++) {
        expect(decide(result, { delaysMs, attemptsInRun, random, nowMs: 0 }).state).toBe('retrying');
      }
      for (const further of [1, 2, 10]) {
        const transition = decide(result, { delaysMs, attemptsInRun: delaysMs.length + further, random, nowMs: 0 });
        expect(transition).toEqual({ state: 'dead', reason: 'exhausted' });
      }
    }),
  );
});

test.each([429, 503])('%i may ask for time, within bounds', (status) => {
  expect(decide(response(status, '30'), context)).toEqual({ state: 'retrying', delayMs: 30_000 });
  expect(decide(response(status, '0'), context)).toEqual({ state: 'retrying', delayMs: 1_000 });
  expect(decide(response(status, 'tomorrow'), context)).toEqual({ state: 'retrying', delayMs: 1_000 });
  expect(decide(response(status, '999999999'), context)).toEqual({ state: 'retrying', delayMs: MAX_RETRY_AFTER_MS });
  const date = new Date(60_000).toUTCString();
  expect(decide(response(status, date), context)).toEqual({ state: 'retrying', delayMs: 60_000 });
});

test('asking for time wins no further attempt', () => {
  expect(decide(response(503, '30'), { ...context, attemptsInRun: 3 })).toEqual({ state: 'dead', reason: 'exhausted' });
});

test('other statuses may not ask for time', () => {
  fc.assert(
    fc.property(
      failedStatus.filter((status) => status !== 429 && status !== 503),
      (status) => {
        expect(decide(response(status, '30'), context)).toEqual({ state: 'retrying', delayMs: 1_000 });
      },
    ),
  );
});

test('a longer schedule or fewer attempts never end a delivery sooner', () => {
  const alive = (result: AttemptResult, part: Partial<AttemptContext>) =>
    decide(result, { ...context, ...part }).state !== 'dead';
  fc.assert(
    fc.property(delays, failure, fc.integer({ min: 2, max: 40 }), (delaysMs, result, attemptsInRun) => {
      fc.pre(alive(result, { delaysMs, attemptsInRun }));
      expect(alive(result, { delaysMs: [...delaysMs, 1_000], attemptsInRun })).toBe(true);
      expect(alive(result, { delaysMs, attemptsInRun: attemptsInRun - 1 })).toBe(true);
    }),
  );
});
