// npm run bench:isolation -- [--json] [--quick] [--phases a10,b]: what receivers that hang, refuse or drip, and fan-outs,
// cost everybody else. Ends with code 1 when something is lost. Method: docs/performance.md.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Interrupted, listenForInterrupts } from '../../infra/setup/processes/interrupts';
import { clockMs } from '../kit/clock';
import { describeMachine } from '../kit/machine';
import { progress } from '../kit/progress';
import { startPaymentStack } from '../payments/payment-stack';
import { addHealthy } from './healthy';
import { addMoney, settleDay } from './money';
import { type PhaseDeps, type PhaseEvidence, runPhase } from './phase';
import { FULL, PHASES, type PhaseSpec, QUICK } from './plan';
import { startTroubleReceivers, type TroubleReceivers } from './receivers';
import { buildReport, provisional } from './report';
import { addTrouble, type Trouble } from './trouble';

interface Options {
  quick: boolean;
  phases: readonly PhaseSpec[];
}

async function main({ quick, phases }: Options, interrupts: AbortSignal) {
  const died = new AbortController();
  const signal = AbortSignal.any([interrupts, died.signal]);
  const payments = await startPaymentStack({ onDeath: (error) => died.abort(error), signal });
  try {
    const receivers = await startTroubleReceivers(payments.stack);
    const plan = quick ? QUICK : FULL;
    const machine = await describeMachine(payments.stack.pool);
    const money = await addMoney(payments, plan);
    const healthy = await addHealthy(payments.stack);
    const deps: PhaseDeps = { payments, healthy, money, plan, signal };
    const troubles = await addTroubles(deps, receivers, phases);
    const began = clockMs();
    progress('set up; the measurements begin');
    // The first settlement meets tables and code that are new to everybody.
    await settleDay(money.days[0], plan.settlementWithinMs, signal);
    const settlementAloneSeconds = await settleDay(money.days[1], plan.settlementWithinMs, signal);
    progress(`settlement of a day alone: ${settlementAloneSeconds ?? 'too long'} s`);
    const happened: PhaseEvidence[] = [];
    for (const spec of phases) {
      const evidence = await runPhase(deps, spec, troubles.get(spec) ?? [], spec.money ? money.days[2] : undefined);
      happened.push(evidence);
      progress(await provisional(payments.stack, evidence));
      await sleep(plan.restMs, undefined, { signal });
    }
    const report = await buildReport(deps, receivers, { happened, settlementAloneSeconds });
    const measuredSeconds = Math.round((clockMs() - began) / 1_000);
    return { ...report, measuredSeconds, secondsAPhase: plan.seconds, fanOuts: plan.fanOuts, machine };
  } catch (error) {
    // Interrupted work fails with an error of its own; the reason for the interruption is what matters.
    throw signal.aborted ? signal.reason : error;
  } finally {
    await payments.stack.stop(false);
  }
}

/** Registers every phase's endpoints, its own for each, before the first begins. */
async function addTroubles(
  { payments, plan }: PhaseDeps,
  receivers: TroubleReceivers,
  phases: readonly PhaseSpec[],
): Promise<Map<PhaseSpec, Trouble[]>> {
  const troubles = new Map<PhaseSpec, Trouble[]>();
  for (const phase of phases) {
    const own: Trouble[] = [];
    for (const spec of phase.trouble) own.push(await addTrouble(payments.stack, receivers, spec, plan));
    troubles.set(phase, own);
    if (own.length > 0)
      progress(`${phase.name}: ${own.flatMap((each) => each.endpointIds).length} endpoints registered`);
  }
  return troubles;
}

/** The phases by name; the reference is always among them. */
function choose(names: string | undefined): readonly PhaseSpec[] {
  if (names === undefined) return PHASES;
  const wanted = new Set(['alone', ...names.split(',')]);
  for (const name of wanted) if (!PHASES.some((phase) => phase.name === name)) throw new Error(`no phase ${name}`);
  return PHASES.filter(({ name }) => wanted.has(name));
}

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    phases: { type: 'string' },
  },
});

main({ quick: values.quick, phases: choose(values.phases) }, listenForInterrupts(progress)).then(
  (result) => {
    process.stdout.write(`${JSON.stringify(result, undefined, values.json ? undefined : 2)}\n`);
    if (result.lost > 0) process.exitCode = 1;
  },
  (error: unknown) => {
    process.exitCode = error instanceof Interrupted ? error.exitCode : 1;
    if (!(error instanceof Interrupted)) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  },
);
