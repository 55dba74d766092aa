import { exitCodeOf, failedFiles, summarize, summarizeRechecked } from './test-summary';

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

describe('a run whose failed files were run once more', () => {
  const run = (files: Record<string, Record<string, 'passed' | 'failed'>>) => {
    const testResults = Object.entries(files).map(([name, tests]) => ({
      name,
      status: Object.values(tests).some((status) => status === 'failed') ? 'failed' : 'passed',
      assertionResults: Object.entries(tests).map(([fullName, status]) => ({ fullName, status })),
    }));
    const all = testResults.flatMap(({ assertionResults }) => assertionResults.map(({ status }) => status));
    return JSON.stringify({
      numPassedTests: all.filter((status) => status === 'passed').length,
      numFailedTests: all.filter((status) => status === 'failed').length,
      numRuntimeErrorTestSuites: 0,
      testResults,
    });
  };
  const first = run({ a: { one: 'passed', two: 'failed' }, b: { one: 'passed' } });

  test('is counted by the second run of these, and names what failed in the first only', () => {
    expect(failedFiles(first)).toEqual(['a']);
    const second = run({ a: { one: 'passed', two: 'passed' } });
    expect(summarizeRechecked(first, second)).toEqual({ passed: 3, failed: 0, unstable: ['a: two'] });
  });

  test('has failed when the same fails again, or what had passed, or when there is no second result', () => {
    const again = run({ a: { one: 'passed', two: 'failed' } });
    expect(summarizeRechecked(first, again)).toEqual({ passed: 2, failed: 1, unstable: [] });
    const other = run({ a: { one: 'failed', two: 'passed' } });
    expect(summarizeRechecked(first, other)).toEqual({ passed: 2, failed: 1, unstable: ['a: two'] });
    expect(summarizeRechecked(first, undefined)).toMatchObject({ failed: 1 });
  });
});
