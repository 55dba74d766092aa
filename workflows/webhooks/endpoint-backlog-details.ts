import type { BacklogReport } from '../../activities/webhooks';

/** The markdown that Web UI shows: how many wait, why, and when it goes on. */
export function describeBacklog(endpointId: string, report: BacklogReport): string {
  const { open, uncounted, due, delivered, attempts, lastError, limit, nextAttemptAt, lane } = report;
  if (open === 0) return `**Done**: nothing waits for ${endpointId} any more.`;
  const waiting = `**${uncounted ? 'more than ' : ''}${open} waiting** for ${endpointId}`;
  if (report.rateLimited === true) {
    const until = nextAttemptAt === null ? '' : ` It goes on at about ${nextAttemptAt}.`;
    return `${waiting}, because of its rate limit.${until}\n\nLast round: ${attempts} attempts, ${delivered} delivered.`;
  }
  const lines = [due ? `${waiting}, which takes fewer than there are.` : `${waiting}, none of them due.`];
  lines.push(`Last round: ${attempts} attempts, ${delivered} delivered; at most ${limit} at once.`);
  if (lastError !== null) lines.push(`The last attempt of the next one ended with \`${lastError}\`.`);
  if (lane !== undefined && lane !== null && lane !== 'normal') lines.push(`Next in turn: \`${lane}\`.`);
  if (nextAttemptAt !== null) lines.push(`Next attempt not before ${nextAttemptAt}.`);
  return lines.join('\n\n');
}
