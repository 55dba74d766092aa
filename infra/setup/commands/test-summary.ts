import { z } from 'zod';

const resultsSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numRuntimeErrorTestSuites: z.number(),
  testResults: z
    .array(
      z.object({
        /** The file's path. */
        name: z.string(),
        status: z.string(),
        assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
      }),
    )
    .default([]),
});

export interface TestSummary {
  passed: number;
  /** Tests that failed, and files that could not be run. */
  failed: number;
}

/**
 * Counts what jest wrote with `--json`. No results, or none that can be read, count as one failure; so does a run
 * without a single test: a run that tested nothing proves nothing.
 */
export function summarize(json: string | undefined): TestSummary {
  const results = resultsOf(json);
  if (results === undefined) return { passed: 0, failed: 1 };
  const passed = results.numPassedTests;
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  return passed + failed === 0 ? { passed: 0, failed: 1 } : { passed, failed };
}

/** Jest's own exit code, unless it reports success although something failed. */
export function exitCodeOf(summary: TestSummary, jestCode: number): number {
  return jestCode === 0 && summary.failed > 0 ? 1 : jestCode;
}

/** The files of a run in which something failed. */
export function failedFiles(json: string | undefined): string[] {
  return (resultsOf(json)?.testResults ?? []).filter(({ status }) => status === 'failed').map(({ name }) => name);
}

/** A run whose failed files were run once more. */
export interface RecheckedSummary extends TestSummary {
  /** What failed in the first run only. */
  unstable: string[];
}

/** Counts a run whose failed files were run once more: of these the second run counts. */
export function summarizeRechecked(first: string | undefined, second: string | undefined): RecheckedSummary {
  const again = summarize(second);
  const files = new Set(failedFiles(first));
  const others = (resultsOf(first)?.testResults ?? []).filter(({ name }) => !files.has(name));
  const passed = others.flatMap((file) => testsOf(file, 'passed')).length + again.passed;
  const stillFailed = new Set((resultsOf(second)?.testResults ?? []).flatMap((file) => testsOf(file, 'failed')));
  const failedFirst = (resultsOf(first)?.testResults ?? []).flatMap((file) => testsOf(file, 'failed'));
  return { passed, failed: again.failed, unstable: failedFirst.filter((test) => !stillFailed.has(test)) };
}

type FileResults = z.output<typeof resultsSchema>['testResults'][number];

/** The tests of a file that ended so; a file that could not be run stands for itself. */
function testsOf({ name, status, assertionResults }: FileResults, wanted: 'passed' | 'failed'): string[] {
  if (assertionResults.length === 0 && status === wanted) return [name];
  return assertionResults.filter((test) => test.status === wanted).map(({ fullName }) => `${name}: ${fullName}`);
}

function resultsOf(json: string | undefined): z.output<typeof resultsSchema> | undefined {
  try {
    const parsed = resultsSchema.safeParse(json === undefined ? undefined : JSON.parse(json));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
