import type { RecoveryReport } from '../../activities/webhooks';

/** The markdown that Web UI shows: why deliveries are held, how many, and what comes next. */
export function describeRecovery(endpointId: string, report: RecoveryReport): string {
  const { state, since, reason, lastError, probes, held, nextProbeAt, paused, probing, escalated, drainRate } = report;
  const { deadLetters = 0 } = report;
  if (state === 'closed') return `**Closed**: ${endpointId} takes its deliveries again.`;
  if (state === 'draining') {
    const waiting = held > 0 || deadLetters === 0 ? [`${held} held deliveries`] : [];
    if (deadLetters > 0) waiting.push(`${deadLetters} dead letters`);
    return `**Draining**: ${endpointId} works again; ${waiting.join(' and then ')} are let go, ${drainRate} a second.`;
  }
  const lines = [
    `**Open** since ${since ?? '?'} (${reason ?? 'failing'}): ${held} deliveries of ${endpointId} are held.`,
  ];
  if (probes > 0)
    lines.push(`${probes} probes have failed${lastError === null ? '' : `, the last with \`${lastError}\``}.`);
  else if (lastError !== null) lines.push(`The last attempt ended with \`${lastError}\`.`);
  if (paused) lines.push('Probes are **stopped** until the update `resume`.');
  else if (probing) lines.push('A probe is under way.');
  else if (nextProbeAt !== null) lines.push(`Next probe at ${nextProbeAt}.`);
  if (escalated.length > 0) lines.push(`Told: ${escalated.join(', ')}.`);
  return lines.join('\n\n');
}
