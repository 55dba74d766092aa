import { exitCodeOf, summarize } from './test-summary';

const results = (numPassedTests: number, numFailedTests: number, numRuntimeErrorTestSuites: number) =>
  JSON.stringify({ numPassedTests, numFailedTests, numRuntimeErrorTestSuites });

test.each([
  ['all passed', results(12, 0, 0), { passed: 12, failed: 0 }],
  ['some failed', results(10, 2, 0), { passed: 10, failed: 2 }],
  ['a file that cannot be run counts as failed', results(10, 0, 1), { passed: 10, failed: 1 }],
  ['no test at all is a failure', results(0, 0, 0), { passed: 0, failed: 1 }],
  ['no results are a failure', undefined, { passed: 0, failed: 1 }],
  ['cut off results are a failure', '{"numPassedTests": 3', { passed: 0, failed: 1 }],
])('%s', (_what, json, expected) => {
  expect(summarize(json)).toEqual(expected);
});

test('the exit code is never 0 when something failed', () => {
  expect(exitCodeOf({ passed: 1, failed: 0 }, 0)).toBe(0);
  expect(exitCodeOf({ passed: 0, failed: 1 }, 0)).toBe(1);
  expect(exitCodeOf({ passed: 1, failed: 0 }, 134)).toBe(134);
});
