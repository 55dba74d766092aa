import { z } from 'zod';

const resultsSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numRuntimeErrorTestSuites: z.number(),
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
  const parsed = resultsSchema.safeParse(parse(json));
  if (!parsed.success) return { passed: 0, failed: 1 };
  const passed = parsed.data.numPassedTests;
  const failed = parsed.data.numFailedTests + parsed.data.numRuntimeErrorTestSuites;
  return passed + failed === 0 ? { passed: 0, failed: 1 } : { passed, failed };
}

/** Jest's own exit code, unless it reports success although something failed. */
export function exitCodeOf(summary: TestSummary, jestCode: number): number {
  return jestCode === 0 && summary.failed > 0 ? 1 : jestCode;
}

function parse(json: string | undefined): unknown {
  try {
    return json === undefined ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}
