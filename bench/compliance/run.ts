import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ManagedProcess } from '../../infra/setup/processes/managed-process';
import { spawnNodeProcess } from '../../infra/setup/processes/node-process';
import { killSchedule, randomSeed } from '../faults/kill-schedule';
import { closedLoop } from '../kit/closed-loop';
import { describeMachine } from '../kit/machine';
import { progress } from '../kit/progress';
import { type Stack, startStack } from '../kit/stack';
import { percentile, round } from '../kit/statistics';
import { superviseStack } from '../kit/strikes';
import { Supervised } from '../kit/supervised';
import { addTenant, type BenchTenant } from '../kit/tenant';
import { type ActorSettings, CATEGORY, UNWANTED } from './actor-settings';
import { auditSends, countDecisions, readDecisions } from './audit';
import { callApi } from './callers';
import { timeChecks } from './checks';
import { findViolations } from './history';
import type { CompliancePlan } from './plan';
import { Witness } from './witness';

/** What was found. */
export interface ComplianceReport {
  /** Decisions about sends, and changes that were answered. */
  operations: number;
  sends: number;
  allowed: number;
  optOuts: number;
  optIns: number;
  /** Changes without an answer: who asked was killed, or who was asked. */
  unanswered: number;
  /** Must be 0, and so must be what is in inboxes without having been allowed, and what the database itself finds. */
  violations: number;
  unexplained: number;
  broken: number;
  /** At a fixed rate, before the kills: the time to decide, in milliseconds, its turn included, and how many were timed. */
  decisionP50Ms: number;
  decisionP99Ms: number;
  decisionsTimed: number;
  decisionsPerSecond: number;
  /** Answers to `GET …/check` by the API in a second, of nothing but denials, which may be kept, and of the others. */
  deniedChecksPerSecond: number;
  allowedChecksPerSecond: number;
  kills: Record<string, number>;
  seed: number;
  machine: unknown;
  sound: boolean;
}

const POLL_MS = 250;
const SETTLE_MS = 1_500;

interface Trial {
  stack: Stack;
  plan: CompliancePlan;
  tenant: BenchTenant;
  subscribers: readonly string[];
  witness: Witness;
  env: Record<string, string>;
  signal: AbortSignal;
}

/** Lets many send and many refuse while processes are killed, and then holds every send to what had been answered. */
export async function runCompliance(plan: CompliancePlan, signal: AbortSignal): Promise<ComplianceReport> {
  const env = {
    WAYBILL_KEYS: `bench:${randomBytes(32).toString('base64')}`,
    // What is prepared for the timed decisions is not taken away by the sweep before.
    WAYBILL_NOTIFY_SWEEP_GRACE: '60s',
  };
  const stack = await startStack({ env, signal });
  let keep = true;
  try {
    const machine = await describeMachine(stack.pool);
    const tenant = await addTenant(stack, 'compliance');
    const trial = {
      stack,
      plan,
      tenant,
      witness: new Witness(),
      env,
      signal,
      subscribers: await register(tenant, plan),
    };
    const checks = await timeAllChecks(trial);
    const rated = await timeDecisions(trial);
    const { kills, seed } = await killUnderLoad(trial);
    const report = await judge(trial);
    keep = !report.sound;
    return { ...report, ...rated, ...checks, kills, seed, machine };
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    await stack.stop(keep && !signal.aborted);
  }
}

async function register({ client }: BenchTenant, { subscribers }: CompliancePlan): Promise<string[]> {
  await client.call('POST', '/v1/categories', { key: CATEGORY, name: 'News', policy: 'opt_out', commercial: false });
  await client.call('POST', '/v1/categories', { key: UNWANTED, name: 'Offers', policy: 'opt_in', commercial: true });
  const ids: string[] = [];
  const numbers = Array.from({ length: subscribers }, (_, number) => number);
  await closedLoop(numbers, 8, async (number) => {
    ids.push(((await client.call('POST', '/v1/subscribers', { externalId: `s-${number}` })) as { id: string }).id);
  });
  progress(`${ids.length} subscribers`);
  return ids;
}

async function startActor(
  trial: Trial,
  number: number,
  pace: Pick<ActorSettings, 'perSecond' | 'changesShare' | 'prepared'>,
): Promise<ManagedProcess> {
  const { stack, plan, tenant, subscribers, witness, env, signal } = trial;
  const settings: ActorSettings = { tenantId: tenant.id, subscribers, atOnce: plan.atOnce, ...pace };
  return spawnNodeProcess(
    `Actor-${number}`,
    'dist/bench/compliance/actor.js',
    {
      ...stack.servers.env,
      ...env,
      WAYBILL_LOG_LEVEL: 'silent',
      WAYBILL_DATABASE_CONNECTIONS: String(plan.atOnce),
      BENCH_ACTOR: JSON.stringify(settings),
    },
    { logFolder: path.join(stack.dataDir, 'log'), signal, onLine: (line) => witness.hear(line) },
  );
}

/** Before anybody has changed anything; each for the second time, when what may be kept is. */
async function timeAllChecks({ stack, plan, tenant, subscribers }: Trial) {
  const time = async (category: string) => {
    const options = { port: stack.apiPort, key: tenant.key, subscribers, category };
    await timeChecks({ ...options, seconds: plan.checkSeconds / 2 });
    return round(await timeChecks({ ...options, seconds: plan.checkSeconds }), 0);
  };
  const checks = { deniedChecksPerSecond: await time(UNWANTED), allowedChecksPerSecond: await time(CATEGORY) };
  progress(`checks: ${JSON.stringify(checks)}`);
  return checks;
}

async function timeDecisions(trial: Trial) {
  const { plan, witness, signal } = trial;
  const perSecond = plan.perSecond / plan.actors;
  const pace = { perSecond, changesShare: plan.ratedChangesShare, prepared: perSecond * plan.ratedSeconds };
  const actors = await Promise.all(Array.from({ length: plan.actors }, (_, n) => startActor(trial, n, pace)));
  while (witness.ready < actors.length) await sleep(POLL_MS, undefined, { signal });
  await sleep(plan.ratedSeconds * 1_000, undefined, { signal });
  await Promise.all(actors.map((actor) => actor.stop()));
  const { decisions, decisionsPerSecond } = witness;
  const rated = {
    decisionP50Ms: round(percentile(decisions, 0.5)),
    decisionP99Ms: round(percentile(decisions, 0.99)),
    decisionsTimed: decisions.length,
    decisionsPerSecond: round(decisionsPerSecond, 0),
  };
  progress(`at ${plan.perSecond} operations a second: ${JSON.stringify(rated)}`);
  return rated;
}

async function killUnderLoad(trial: Trial) {
  const { stack, plan, tenant, subscribers, witness, signal } = trial;
  const processes = superviseStack(stack, signal);
  const pace = { perSecond: 0, changesShare: plan.changesShare, prepared: 0 };
  const actors = await Promise.all(Array.from({ length: plan.actors }, (_, n) => startActor(trial, n, pace)));
  const supervised = actors.map((actor, n) => new Supervised(`actor ${n}`, actor, signal));
  const calls = new AbortController();
  const calling = callApi({ stack, key: tenant.key, subscribers, witness, signal: calls.signal }, plan.callers);
  const { api, worker, postgres } = processes;
  const seed = randomSeed();
  const began = performance.now();
  try {
    const kills: Record<string, number> = {};
    const terms = { plan, kills, began, signal };
    await Promise.all([killAtRandom(supervised, { ...terms, seed }), strike([api, worker, postgres], terms)]);
    const until = performance.now() + plan.atMostSeconds * 1_000;
    while (performance.now() < until && (await countDecisions(stack.pool)) + witness.answered < plan.operations) {
      await sleep(POLL_MS, undefined, { signal });
    }
    return { kills, seed };
  } finally {
    calls.abort();
    await calling;
    await Promise.all(actors.map((actor) => actor.stop()));
  }
}

interface KillTerms {
  plan: CompliancePlan;
  /** Counts them, by name. */
  kills: Record<string, number>;
  began: number;
  signal: AbortSignal;
}

async function kill(victim: Supervised, { kills }: KillTerms): Promise<void> {
  progress(`kill -9 of ${victim.name}`);
  await victim.kill();
  kills[victim.name] = (kills[victim.name] ?? 0) + 1;
}

/** Kills actors, several at a time if it comes to that. */
async function killAtRandom(actors: readonly Supervised[], terms: KillTerms & { seed: number }): Promise<void> {
  const { plan, began, signal, seed } = terms;
  const names = actors.map(({ name }) => name);
  const { gapMs, downMs, killSeconds } = plan;
  const restarts: Promise<void>[] = [];
  for (const { atMs, name, downMs: down } of killSchedule({
    seed,
    names,
    durationMs: killSeconds * 1_000,
    gapMs,
    downMs,
  })) {
    await sleep(Math.max(0, began + atMs - performance.now()), undefined, { signal });
    const victim = actors.find((actor) => actor.name === name);
    if (victim === undefined) continue;
    await kill(victim, terms);
    restarts.push(sleep(down, undefined, { signal }).then(() => victim.start()));
  }
  await Promise.all(restarts);
}

/** Kills these one after the other, each when the one before is back, and again for as long as there is time. */
async function strike(victims: readonly Supervised[], terms: KillTerms): Promise<void> {
  const { plan, began, signal } = terms;
  for (let round = 0; round === 0 || performance.now() - began < plan.killSeconds * 1_000; round++) {
    for (const victim of victims) {
      await sleep(plan.gapMs[1], undefined, { signal });
      await kill(victim, terms);
      await sleep(plan.downMs[1], undefined, { signal });
      await victim.start();
    }
  }
}

async function judge({ stack, plan, witness, signal }: Trial) {
  // What the worker has taken up is decided about meanwhile.
  await sleep(SETTLE_MS, undefined, { signal });
  const decisions = await readDecisions(stack.pool);
  const { changes } = witness;
  const found = findViolations(changes, decisions);
  for (const violation of found.slice(0, 10)) progress(`a violation: ${JSON.stringify(violation)}`);
  const { unexplained, broken } = await auditSends(stack.pool);
  const answered = changes.filter(({ answer }) => answer !== undefined);
  const optOuts = answered.filter(({ wanted }) => !wanted).length;
  const operations = decisions.length + answered.length;
  return {
    operations,
    sends: decisions.length,
    allowed: decisions.filter(({ decision }) => decision === 'allow').length,
    optOuts,
    optIns: answered.length - optOuts,
    unanswered: changes.length - answered.length,
    violations: found.length,
    unexplained,
    broken,
    sound: found.length === 0 && unexplained === 0 && broken === 0 && operations >= plan.operations,
  };
}
