// npm run bench:faults -- [--json] [--quick] [--only webhooks|payments]: kill -9 of each process in turn under load;
// afterwards every message that was acknowledged has to be delivered, dead-lettered or still scheduled, and every card
// charged exactly as often as there are captured payments. Otherwise ends with code 1. Method: docs/performance.md.
import { parseArgs } from 'node:util';
import { Interrupted, listenForInterrupts } from '../../infra/setup/processes/interrupts';
import { describeMachine } from '../kit/machine';
import { progress } from '../kit/progress';
import { type Stack, startStack } from '../kit/stack';
import { Supervised } from '../kit/supervised';
import { type FaultDeps, type FaultPlan, runFault } from './fault';
import { type Evidence, type FaultEndpoint, type FaultEndpoints, type FaultResult, judge } from './judgement';
import { FULL_PAYMENT_FAULTS, QUICK_PAYMENT_FAULTS, runPaymentFaults } from './payment-faults';

const EVENT_TYPE = 'bench.fault';
const RETRY = { schedule: ['500ms', '1s', '2s', '4s'] };
const TIMEOUT = '2s';
const FAILING = 0.1;

interface Settings {
  plan: FaultPlan;
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
  forgottenAfterMs: 60_000,
  env: { WAYBILL_SWEEP_INTERVAL: '10s', WAYBILL_SWEEP_GRACE: '5s' },
};

type Outcome = FaultResult | { skipped: string };

async function runWebhooks(quick: boolean, signal: AbortSignal) {
  const settings = quick ? QUICK : FULL;
  const stack = await startStack({ env: settings.env, signal });
  let keepData = true;
  try {
    const machine = await describeMachine(stack.pool);
    const faults = await runAll(stack, settings, signal);
    const lost = Object.values(faults).reduce((sum, result) => sum + ('lost' in result ? result.lost : 0), 0);
    keepData = lost > 0;
    return { faults, lost, perSecond: settings.plan.perSecond, machine };
  } catch (error) {
    // Interrupted work fails with an error of its own; the reason for the interruption is what matters.
    throw signal.aborted ? signal.reason : error;
  } finally {
    await stack.stop(keepData && !signal.aborted);
  }
}

async function runAll(stack: Stack, settings: Settings, signal: AbortSignal): Promise<Record<string, Outcome>> {
  const supervise = (name: string, target: ConstructorParameters<typeof Supervised>[1]) =>
    new Supervised(name, target, signal);
  const { servers } = stack;
  const api = supervise('api', stack.api);
  const worker = supervise('worker', stack.worker);
  const temporal = supervise('temporal', servers.temporal);
  const postgres = supervise('postgres', servers.postgres);
  const redis = servers.redis === undefined ? undefined : supervise('redis', servers.redis);
  const everybody = [api, worker, temporal, postgres, ...(redis === undefined ? [] : [redis])];
  const endpoints: FaultEndpoints = {
    steady: await endpoint(stack, 0, stack.receiver.url(0)),
    flaky: await endpoint(stack, 1, stack.receiver.url(1, { failing: FAILING })),
    mortal: await endpoint(stack, 2, stack.receiver.url(2, { second: true })),
  };
  const deps: FaultDeps = { stack, eventType: EVENT_TYPE, everybody, signal };
  const faults: [string, (Supervised | undefined)[]][] = [
    ['api', [api]],
    ['worker', [worker]],
    ['temporal', [temporal]],
    ['redis', [redis]],
    ['postgres', [postgres]],
    ['postgres+api', [postgres, api]],
  ];
  const happened = new Map<string, Evidence>();
  for (const [name, victims] of faults) {
    const known = victims.filter((victim) => victim !== undefined);
    if (known.length === victims.length) happened.set(name, await runFault(deps, name, known, settings.plan));
  }
  // Only now: work that a fault left open had the time of the later faults to finish.
  const outcomes: Record<string, Outcome> = {};
  for (const [name] of faults) {
    const evidence = happened.get(name);
    outcomes[name] =
      evidence === undefined
        ? { skipped: 'there is no such server here' }
        : await judge(stack, endpoints, evidence, settings.forgottenAfterMs);
    progress(`${name}: ${JSON.stringify(outcomes[name])}`);
  }
  return outcomes;
}

async function endpoint(stack: Stack, number: number, url: string): Promise<FaultEndpoint> {
  const wish = { url, eventTypes: [EVENT_TYPE], retry: RETRY, timeout: TIMEOUT };
  const { id } = (await stack.client.call('POST', '/v1/endpoints', wish)) as { id: string };
  return { id, number };
}

async function main(quick: boolean, only: string | undefined, signal: AbortSignal) {
  const webhooks = only === 'payments' ? undefined : await runWebhooks(quick, signal);
  const plan = quick ? QUICK_PAYMENT_FAULTS : FULL_PAYMENT_FAULTS;
  const payments = only === 'webhooks' ? undefined : await runPaymentFaults(plan, signal);
  return { ...webhooks, payments };
}

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});

main(values.quick, values.only, listenForInterrupts(progress)).then(
  (result) => {
    process.stdout.write(`${JSON.stringify(result, undefined, values.json ? undefined : 2)}\n`);
    if ((result.lost ?? 0) > 0 || result.payments?.sound === false) process.exitCode = 1;
  },
  (error: unknown) => {
    process.exitCode = error instanceof Interrupted ? error.exitCode : 1;
    if (!(error instanceof Interrupted)) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  },
);
