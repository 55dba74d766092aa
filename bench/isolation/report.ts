import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from '../kit/clock';
import type { Stack } from '../kit/stack';
import { median, round } from '../kit/statistics';
import { type HealthyFigures, healthyFigures } from './figures';
import { followUpHealthy, followUpTrouble } from './follow-up';
import { judgeGoals } from './goals';
import { HEALTHY_NUMBER } from './healthy';
import type { PhaseDeps, PhaseEvidence } from './phase';
import { HEALTHY } from './plan';
import type { TroubleReceivers } from './receivers';

const LOOK_EVERY_MS = 200;

/** A phase's figures so far, in a line for people; what is still under way may yet make them worse. */
export async function provisional(stack: Stack, evidence: PhaseEvidence): Promise<string> {
  const figures = await figuresOf(stack, evidence);
  const { healthyP50Ms, healthyP95Ms, healthyP99Ms, acceptP95Ms, retryDelayP99Ms, missing, notAccepted } = figures;
  return (
    `${evidence.name}: healthy P50 ${healthyP50Ms}, P95 ${healthyP95Ms}, P99 ${healthyP99Ms} ms; accept P95 ` +
    `${acceptP95Ms} ms; retries late by ${retryDelayP99Ms} ms at P99; ${missing} missing, ${notAccepted} not accepted; ` +
    `commands ${JSON.stringify(commandSeconds(evidence))} s; workflows ${evidence.openWorkflows}`
  );
}

/** The result of a run. Waits a bounded time for what is missing, and follows up the rest in the database. */
export async function buildReport(
  { payments, plan, signal }: PhaseDeps,
  receivers: TroubleReceivers,
  { happened, settlementAloneSeconds }: { happened: PhaseEvidence[]; settlementAloneSeconds: number | undefined },
) {
  const { stack } = payments;
  await untilAllReceived(stack, happened, plan.stragglersWithinMs, signal);
  const alone = happened.find(({ name }) => name === 'alone');
  const reference = alone === undefined ? undefined : (await figuresOf(stack, alone)).healthyP95Ms;
  const phases = Object.fromEntries(
    await Promise.all(
      happened.map(async (evidence) => [evidence.name, await report(stack, receivers, evidence, reference)] as const),
    ),
  );
  const sum = (of: (phase: (typeof phases)[string]) => number) =>
    Object.values(phases).reduce((total, phase) => total + of(phase), 0);
  const lost = sum((phase) => phase.lost);
  const settlementSeconds = happened.find((evidence) => evidence.payments !== undefined)?.settlementSeconds;
  const judged = Object.fromEntries(
    happened.map((evidence) => {
      const { healthyP95Ms = 0, retryDelayP99Ms = null } = phases[evidence.name] ?? {};
      const { commands, troubleWorkflows } = evidence;
      const deadEndpoints = deadEndpointsOf(evidence);
      const { retry, cancel } = commands;
      return [
        evidence.name,
        { healthyP95Ms, retryDelayP99Ms, commandSeconds: { retry, cancel }, troubleWorkflows, deadEndpoints },
      ];
    }),
  );
  return {
    goals: judgeGoals({ phases: judged, settlementAloneSeconds, settlementSeconds, lost }),
    lost,
    duplicates: sum((phase) => phase.duplicates),
    settlementAloneSeconds: settlementAloneSeconds ?? null,
    phases,
    receivers: await receivers.held(),
  };
}

async function report(
  stack: Stack,
  receivers: TroubleReceivers,
  evidence: PhaseEvidence,
  reference: number | undefined,
) {
  const figures = await figuresOf(stack, evidence);
  const arrivals = (await stack.receiver.arrivals(evidence.step))(HEALTHY_NUMBER);
  const missing = await followUpHealthy(stack.pool, { ...evidence, arrivals });
  const trouble = [];
  for (const load of evidence.trouble) {
    const received = load.trouble.kind === 'fanOut' ? await receivers.fanOut.count(load.step) : undefined;
    trouble.push(await followUpTrouble(stack.pool, load, received));
  }
  const { settlementSeconds, payments } = evidence;
  return {
    ...figures,
    ratioToAlone: reference === undefined ? null : round(figures.healthyP95Ms / reference),
    commandSeconds: commandSeconds(evidence),
    ...(payments === undefined ? {} : { settlementSeconds: settlementSeconds ?? null, payments }),
    openWorkflows: evidence.openWorkflows,
    troubleWorkflows: evidence.troubleWorkflows,
    deadEndpoints: deadEndpointsOf(evidence),
    ...missing,
    lost: missing.lost + trouble.reduce((sum, each) => sum + each.lost, 0),
    peakRssMb: evidence.peakRssMb,
    processorPercent: evidence.processorPercent,
    trouble,
    notDeleted: evidence.notDeleted,
  };
}

async function figuresOf({ receiver }: Stack, { step, log, due }: PhaseEvidence): Promise<HealthyFigures> {
  const until = clockMs();
  const [arrivals, refusals] = await Promise.all([receiver.arrivals(step), receiver.refusals(step)]);
  return healthyFigures({
    log,
    arrivals: arrivals(HEALTHY_NUMBER),
    refusals: refusals(HEALTHY_NUMBER),
    due,
    latestRetryMs: HEALTHY.latestRetryMs,
    until: Math.max(until, clockMs()),
  });
}

/** Medians and the worst; null where no such command was given. */
function commandSeconds({ commands }: PhaseEvidence) {
  const { retry, cancel, withoutEffect, notGiven } = commands;
  const middle = (values: readonly number[]) => (values.length === 0 ? null : round(median(values), 3));
  const all = [...retry, ...cancel];
  return {
    retry: middle(retry),
    cancel: middle(cancel),
    worst: all.length === 0 ? null : round(Math.max(...all), 3),
    withoutEffect,
    notGiven,
  };
}

function deadEndpointsOf({ trouble }: PhaseEvidence): number {
  return trouble.reduce((sum, each) => sum + (each.trouble.dead ? each.trouble.endpointIds.length : 0), 0);
}

async function untilAllReceived(stack: Stack, happened: PhaseEvidence[], withinMs: number, signal: AbortSignal) {
  const deadline = clockMs() + withinMs;
  for (const { step, log } of happened) {
    while (clockMs() < deadline && (await stack.receiver.count(step)) < log.accepted) {
      await sleep(LOOK_EVERY_MS, undefined, { signal });
    }
  }
}
