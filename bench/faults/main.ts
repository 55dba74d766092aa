// npm run bench:faults -- [--json] [--quick] [--only webhooks|payments|inbound|replay|fifo] [--random [seed]]: kill -9 of each process in turn
// under load, 30 s without Postgres, and kills at random (`--random` does only these); afterwards every message that was
// acknowledged has to be delivered, dead-lettered or still scheduled, every card charged exactly as often as there are
// captured payments, and every inbound webhook one message. Otherwise ends with code 1. Method: docs/performance.md.
import { parseArgs } from 'node:util';
import { Interrupted, listenForInterrupts } from '../../infra/setup/processes/interrupts';
import { describeMachine } from '../kit/machine';
import { progress } from '../kit/progress';
import { type Stack, startStack } from '../kit/stack';
import { superviseStack } from '../kit/strikes';
import type { Supervised } from '../kit/supervised';
import { type FaultDeps, type FaultPlan, runFault } from './fault';
import { FULL_FIFO_FAULTS, QUICK_FIFO_FAULTS, runFifoFaults } from './fifo-faults';
import { FULL_INBOUND_FAULTS, QUICK_INBOUND_FAULTS, runInboundFaults } from './inbound-faults';
import { type Evidence, type FaultEndpoint, type FaultEndpoints, type FaultResult, judge } from './judgement';
import { type Kill, randomSeed } from './kill-schedule';
import { FULL_PAYMENT_FAULTS, QUICK_PAYMENT_FAULTS, runPaymentFaults } from './payment-faults';
import { type RandomPlan, runRandomKills } from './random-kills';
import { REPLAY_FAULTS, runReplayFaults } from './replay-faults';

const EVENT_TYPE = 'bench.fault';
const RETRY = { schedule: ['500ms', '1s', '2s', '4s'] };
const TIMEOUT = '2s';
const FAILING = 0.1;
/** The outage of a failover that goes badly: longer than most waits in API and worker, and with many attempts under way. */
const LONG_OUTAGE = { name: 'postgres-30s', downMs: 30_000, answerDelayMs: 300 };
/** Long enough for its circuit to open before the kill, and to be probed in vain after the restart. */
const BREAKER_OUTAGE = { beforeMs: 1_500, downMs: 8_000 };
const RANDOM = 'random';

interface Settings {
  plan: FaultPlan;
  /** The wait is longer: what a killed worker was doing is only given to another when its time is up. */
  random: Pick<RandomPlan, 'durationMs' | 'gapMs' | 'settleWithinMs'>;
  /** How late a delivery may be before the sweep has failed to find it: several of its intervals and the grace. */
  forgottenAfterMs: number;
  env: Record<string, string>;
}

const QUICK: Settings = {
  plan: {
    perSecond: 100,
    beforeMs: 2_000,
    downMs: 2_000,
    afterMs: 3_000,
    answeredWithinMs: 15_000,
    settleWithinMs: 25_000,
  },
  random: { durationMs: 30_000, gapMs: [1_000, 4_000], settleWithinMs: 150_000 },
  forgottenAfterMs: 15_000,
  env: { WAYBILL_SWEEP_INTERVAL: '5s', WAYBILL_SWEEP_GRACE: '3s' },
};

const FULL: Settings = {
  plan: {
    perSecond: 200,
    beforeMs: 10_000,
    downMs: 5_000,
    afterMs: 15_000,
    answeredWithinMs: 30_000,
    settleWithinMs: 120_000,
  },
  random: { durationMs: 180_000, gapMs: [1_000, 8_000], settleWithinMs: 180_000 },
  forgottenAfterMs: 60_000,
  env: { WAYBILL_SWEEP_INTERVAL: '10s', WAYBILL_SWEEP_GRACE: '5s' },
};

type Outcome = FaultResult | (FaultResult & { seed: number; kills: Kill[] }) | { skipped: string };

/** Which faults to run: every one, or only the random kills. */
interface Choice {
  onlyRandom: boolean;
  seed: number;
}

async function runWebhooks(settings: Settings, choice: Choice, signal: AbortSignal) {
  const stack = await startStack({ env: settings.env, signal });
  let keepData = true;
  try {
    const machine = await describeMachine(stack.pool);
    const faults = await runAll(stack, settings, choice, signal);
    const lost = Object.values(faults).reduce((sum, result) => sum + ('lost' in result ? result.lost : 0), 0);
    keepData = lost > 0;
    return { faults, lost, seed: choice.seed, perSecond: settings.plan.perSecond, machine };
  } catch (error) {
    // Interrupted work fails with an error of its own; the reason for the interruption is what matters.
    throw signal.aborted ? signal.reason : error;
  } finally {
    await stack.stop(keepData && !signal.aborted);
  }
}

async function runAll(
  stack: Stack,
  settings: Settings,
  { onlyRandom, seed }: Choice,
  signal: AbortSignal,
): Promise<Record<string, Outcome>> {
  const { plan } = settings;
  const { api, worker, temporal, postgres, redis } = superviseStack(stack, signal);
  const everybody = [api, worker, temporal, postgres, ...(redis === undefined ? [] : [redis])];
  const endpoints: FaultEndpoints = {
    steady: await endpoint(stack, 0, stack.receiver.url(0)),
    flaky: await endpoint(stack, 1, stack.receiver.url(1, { failing: FAILING })),
    mortal: await endpoint(stack, 2, stack.receiver.url(2, { second: true })),
  };
  const deps: FaultDeps = { stack, eventType: EVENT_TYPE, everybody, signal };
  const faults: [string, (Supervised | undefined)[], FaultPlan][] = [
    ['api', [api], plan],
    ['worker', [worker], plan],
    ['temporal', [temporal], plan],
    ['redis', [redis], plan],
    ['postgres', [postgres], plan],
    ['postgres+api', [postgres, api], plan],
    // API and worker, while an endpoint is left alone: its circuit, and what it holds, must outlive both.
    ['breaker', [api, worker], { ...plan, mortal: BREAKER_OUTAGE }],
    [LONG_OUTAGE.name, [postgres], { ...plan, ...LONG_OUTAGE }],
  ];
  const outcomes: Record<string, Outcome> = {};
  const happened = new Map<string, Evidence>();
  for (const [name, victims, how] of onlyRandom ? [] : faults) {
    const known = victims.filter((victim) => victim !== undefined);
    if (known.length === victims.length) happened.set(name, await runFault(deps, name, known, how));
    else outcomes[name] = { skipped: 'there is no such server here' };
  }
  const { evidence, kills } = await runRandomKills(deps, everybody, { ...plan, ...settings.random }, seed);
  happened.set(RANDOM, evidence);
  // Only now: work that a fault left open had the time of the later faults to finish.
  for (const [name, what] of happened) {
    const how = { forgottenAfterMs: settings.forgottenAfterMs, boundDuplicates: name === LONG_OUTAGE.name };
    const result = await judge(stack, endpoints, what, how);
    outcomes[name] = name === RANDOM ? { ...result, seed, kills } : result;
    progress(`${name}: ${JSON.stringify(result)}`);
  }
  return outcomes;
}

async function endpoint(stack: Stack, number: number, url: string): Promise<FaultEndpoint> {
  const wish = { url, eventTypes: [EVENT_TYPE], retry: RETRY, timeout: TIMEOUT };
  const { id } = (await stack.client.call('POST', '/v1/endpoints', wish)) as { id: string };
  return { id, number };
}

interface Options {
  quick: boolean;
  only: string | undefined;
  random: boolean;
  seed: number;
}

async function main({ quick, only, random, seed }: Options, signal: AbortSignal) {
  const settings = quick ? QUICK : FULL;
  const runs = (name: string) => only === undefined || only === name;
  const webhooks = !runs('webhooks') ? undefined : await runWebhooks(settings, { onlyRandom: random, seed }, signal);
  const plan = quick ? QUICK_PAYMENT_FAULTS : FULL_PAYMENT_FAULTS;
  const payments = !runs('payments') || random ? undefined : await runPaymentFaults(plan, signal);
  const inboundPlan = quick ? QUICK_INBOUND_FAULTS : FULL_INBOUND_FAULTS;
  const inbound = !runs('inbound') || random ? undefined : await runInboundFaults(inboundPlan, signal);
  const replay = !runs('replay') || random ? undefined : await runReplayFaults(REPLAY_FAULTS, signal);
  const fifoPlan = quick ? QUICK_FIFO_FAULTS : FULL_FIFO_FAULTS;
  const fifo = !runs('fifo') || random ? undefined : await runFifoFaults(fifoPlan, signal);
  return { ...webhooks, payments, inbound, replay, fifo };
}

const { values, positionals } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    random: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const [seedText] = positionals;
if (seedText !== undefined && !/^\d{1,10}$/.test(seedText)) throw new Error(`not a seed: ${seedText}`);
const options = { ...values, only: values.only, seed: seedText === undefined ? randomSeed() : Number(seedText) };

main(options, listenForInterrupts(progress)).then(
  (result) => {
    process.stdout.write(`${JSON.stringify(result, undefined, values.json ? undefined : 2)}\n`);
    const unbounded = Object.values(result.faults ?? {}).some(
      (fault) => 'duplicatesBounded' in fault && fault.duplicatesBounded === false,
    );
    const unsound = [result.payments, result.inbound, result.replay, result.fifo].some(
      (report) => report?.sound === false,
    );
    if ((result.lost ?? 0) > 0 || unbounded || unsound) process.exitCode = 1;
  },
  (error: unknown) => {
    process.exitCode = error instanceof Interrupted ? error.exitCode : 1;
    if (!(error instanceof Interrupted)) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  },
);
