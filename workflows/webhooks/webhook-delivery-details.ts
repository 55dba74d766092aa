import type { RoundReport } from '../../activities/webhooks';

const LISTED_PROBLEMS = 10;

/** The markdown that Web UI shows: what is pending, why, and when the next attempt is. */
export function describeProgress(
  counts: Record<string, number>,
  nextAttemptAt: string | null,
  reports: readonly RoundReport[],
): string {
  const { open = 0, ...ended } = counts;
  const done = Object.entries(ended)
    .map(([state, count]) => `${count} ${state === 'moved' ? 'moved to another workflow' : state}`)
    .join(', ');
  if (open === 0) return `**Done**: ${done || 'nothing to do'}.`;
  const lines = [`**${open} waiting**${done === '' ? '' : `; ${done}`}.`];
  if (nextAttemptAt !== null) lines.push(`Next attempt at ${nextAttemptAt}.`);
  const problems = reports.flatMap((report) => report.problems);
  if (problems.length > 0) {
    lines.push('', '| endpoint | last outcome | deliveries | attempts |', '|---|---|---|---|');
    for (const problem of problems.slice(0, LISTED_PROBLEMS)) {
      lines.push(`| ${problem.endpointId} | ${problem.error} | ${problem.count} | ${problem.attempts} |`);
    }
    if (problems.length > LISTED_PROBLEMS) lines.push(`| and ${problems.length - LISTED_PROBLEMS} more | | | |`);
  }
  return lines.join('\n');
}
