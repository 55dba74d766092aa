// npm run bench -- [--json] [--quick] [--grow] [--profile]: how many webhooks a second, how late, and against what floor.
// Method: docs/performance.md.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { projectRoot } from '../../infra/setup/paths';
import { Interrupted, listenForInterrupts } from '../../infra/setup/processes/interrupts';
import { freePort } from '../../infra/setup/processes/ports';
import { createNaiveDatabase } from '../kit/databases';
import { describeMachine, rssMb } from '../kit/machine';
import { createProcessorMeter } from '../kit/processors';
import { progress } from '../kit/progress';
import { type Stack, startStack } from '../kit/stack';
import { waybillBatches } from './batch';
import { type ComparisonOptions, compare } from './comparison';
import { type GrowthOptions, measureGrowth } from './growth';
import { createProfile } from './profile';
import { buildReport } from './report';
import { countLost, describeMaximum, type MaximumResult, measureMaximum, type StepDeps, untilAllArrived } from './step';
import { EVENT_TYPE, naive, SENDERS, waybill } from './system';

const PAYLOAD_BYTES = 1_024;
interface Plan {
  comparison: ComparisonOptions;
  drainWithinMs: number;
  settleWithinMs(perSecond: number): number;
  growth: GrowthOptions;
}

const FULL: Plan = {
  comparison: { rounds: 3, rateSeconds: 10, maximumSeconds: 10, warmUpSeconds: 5 },
  drainWithinMs: 60_000,
  settleWithinMs: () => 20_000,
  growth: { rounds: 3, seconds: 5, history: [10_000, 100_000, 1_000_000] },
};
const QUICK: Plan = {
  comparison: { rounds: 2, rateSeconds: 1.5, maximumSeconds: 2.5, warmUpSeconds: 1.5 },
  drainWithinMs: 5_000,
  // Less after a low rate, which leaves little to do: the whole run has a minute.
  settleWithinMs: (perSecond) => Math.min(4_500, perSecond * 4.5),
  growth: { rounds: 1, seconds: 2, history: [10_000, 100_000] },
};
/** Deliveries that the first attempt did not settle may need the sweep: its interval and grace, and some more. */
const STRAGGLERS_WITHIN_MS = 60_000;

/** Load average of a machine with little else to do. */
const QUIET = 0.5;

interface Options {
  quick: boolean;
  grow: boolean;
  profile: boolean;
}

async function main(options: Options, interrupts: AbortSignal): Promise<string> {
  const died = new AbortController();
  const signal = AbortSignal.any([interrupts, died.signal]);
  const apiProgram = options.profile ? 'dist/bench/kit/profiled-api.js' : 'dist/api/main.js';
  const profileFolder = path.join(projectRoot, '.waybill', 'profiles');
  if (options.profile) mkdirSync(profileFolder, { recursive: true });
  const env = { BENCH_PROFILE_FOLDER: profileFolder };
  const stack = await startStack({ apiProgram, env, onDeath: (error) => died.abort(error), signal });
  try {
    return JSON.stringify(await run(stack, options, profileFolder, signal));
  } catch (error) {
    // Interrupted work fails with an error of its own; the reason for the interruption is what matters.
    throw signal.aborted ? signal.reason : error;
  } finally {
    await stack.stop(false);
  }
}

async function run(stack: Stack, options: Options, profileFolder: string, signal: AbortSignal) {
  const machine = await describeMachine(stack.pool);
  progress(`${machine.cpu}, ${machine.cores} cores; Postgres ${machine.postgres}, fsync ${machine.fsync}`);
  if (machine.loadBefore > QUIET)
    progress(`the machine was busy before (load ${machine.loadBefore}): figures will suffer`);
  await stack.client.call('POST', '/v1/endpoints', { url: stack.receiver.url(0), eventTypes: [EVENT_TYPE] });
  const naivePort = await freePort();
  const naiveProcess = await stack.spawn(
    'Naive',
    'dist/bench/webhooks/naive-server.js',
    {
      BENCH_NAIVE_PORT: String(naivePort),
      BENCH_NAIVE_DATABASE_URL: await createNaiveDatabase(stack.servers.postgres.address),
      BENCH_RECEIVER_URL: stack.receiver.url(0),
    },
    `http://127.0.0.1:${naivePort}/`,
  );
  const plan = options.quick ? QUICK : FULL;
  const waybillSystem = waybill(stack, { payloadBytes: PAYLOAD_BYTES });
  const systems = [naive(naivePort, PAYLOAD_BYTES), waybillSystem];
  const deps: StepDeps = {
    receiver: stack.receiver,
    signal,
    processors: createProcessorMeter(stack, () => naiveProcess.pid),
    drainWithinMs: plan.drainWithinMs,
    settleWithinMs: plan.settleWithinMs,
    sent: { waybill: [], naive: [] },
  };
  const profile = options.profile ? createProfile(stack, profileFolder) : undefined;
  const results = await compare(deps, systems, plan.comparison, profile);
  const batches = waybillBatches(stack, waybillSystem, PAYLOAD_BYTES);
  const inBatches: MaximumResult[] = [];
  for (let turn = 1; turn <= plan.comparison.rounds; turn++) {
    const result = await measureMaximum(deps, batches, plan.comparison.maximumSeconds);
    inBatches.push(result);
    progress(`round ${turn}, waybill in batches, maximum: ${describeMaximum(result)}`);
  }
  const memory = { api: rssMb(stack.api.pid), worker: rssMb(stack.worker.pid) };
  const growth = options.grow ? await measureGrowth(stack, deps, plan.growth) : undefined;
  await untilAllArrived(stack.receiver, deps.sent.waybill, STRAGGLERS_WITHIN_MS, signal);
  const checks = await countLost(stack.receiver, deps.sent.waybill);
  const naiveChecks = await countLost(stack.receiver, deps.sent.naive);
  for (const system of [...systems, batches]) system.connections.close();
  const report = buildReport({
    machine,
    rounds: plan.comparison.rounds,
    senders: SENDERS,
    payloadBytes: PAYLOAD_BYTES,
    ...results,
    inBatches,
    rssMb: memory,
    checks,
    naiveChecks,
    growth,
  });
  progress(
    `Waybill ${report.maxDeliveriesPerSecond}/s, naive ${report.naiveDeliveriesPerSecond}/s, ratio ${report.ratioToNaive}; ` +
      `in batches ${report.batchDeliveriesPerSecond}/s, ${report.batchToSingle} times as many; ` +
      `lost ${checks.lost}, duplicates ${checks.duplicates}`,
  );
  return report;
}

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    grow: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
  },
});

main(values, listenForInterrupts(progress)).then(
  (line) => {
    process.stdout.write(`${values.json ? line : JSON.stringify(JSON.parse(line), undefined, 2)}\n`);
  },
  (error: unknown) => {
    process.exitCode = error instanceof Interrupted ? error.exitCode : 1;
    if (!(error instanceof Interrupted)) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  },
);
