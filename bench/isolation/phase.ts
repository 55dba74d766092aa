import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from '../kit/clock';
import { Connections } from '../kit/connections';
import { createProcessorMeter, type ProcessorTimes } from '../kit/processors';
import { progress } from '../kit/progress';
import type { PaymentStack } from '../payments/payment-stack';
import type { UnsettledDay } from '../settlement/unsettled-day';
import { type SendLog, sendAtRate } from '../webhooks/load';
import { deliveryCountOf, deliveryIdOf } from './answers';
import { type CommandTimes, giveCommands, prepareCommands } from './commands';
import { deleteEndpoints } from './endpoints';
import type { Healthy } from './healthy';
import { type Money, type PaymentFigures, payAtRate, settleDay } from './money';
import { type PeakRss, watchMemory } from './peaks';
import { HEALTHY, type PhaseSpec, type Plan } from './plan';
import { watchRetries } from './retry-watch';
import type { Trouble } from './trouble';

export interface PhaseDeps {
  payments: PaymentStack;
  healthy: Healthy;
  money: Money;
  plan: Plan;
  signal: AbortSignal;
}

/** What was published to trouble. */
export interface TroubleLoad {
  trouble: Trouble;
  step: number;
  log: SendLog;
  /** Deliveries that its 202s promised. */
  promised: number;
}

/** A phase that has been run: what was sent, and what can only be measured meanwhile. */
export interface PhaseEvidence {
  name: string;
  step: number;
  log: SendLog;
  /** Of healthy messages, by sequence number. */
  deliveryIds: string[];
  due: ReadonlyMap<number, number>;
  commands: CommandTimes;
  trouble: TroubleLoad[];
  /** Running workflows as the load ended: all, and those with deliveries of dead endpoints; null if not countable. */
  openWorkflows: number | null;
  troubleWorkflows: number | null;
  peakRssMb: PeakRss;
  /** Share of one processor, in percent. */
  processorPercent: ProcessorTimes;
  settlementSeconds: number | undefined;
  payments: PaymentFigures | undefined;
  /** Endpoints of the trouble that could not be deleted afterwards. */
  notDeleted: number;
}

const HEALTHY_CONNECTIONS = 64;
const TROUBLE_CONNECTIONS = 128;
const REQUEST_TIMEOUT_MS = 15_000;
const LOOK_EVERY_MS = 50;
const COUNT_WITHIN_MS = 5_000;
/** When in the phase the settlement begins. */
const SETTLEMENT_AFTER = 0.2;

let lastStep = 0;

/** Loads the healthy endpoints, with trouble beside them, and waits a bounded time for what is healthy. */
export async function runPhase(
  deps: PhaseDeps,
  spec: PhaseSpec,
  troubles: readonly Trouble[],
  toSettle: UnsettledDay | undefined,
): Promise<PhaseEvidence> {
  const { payments, healthy, money, plan, signal } = deps;
  const { stack } = payments;
  const [step, commandStep] = [++lastStep, ++lastStep];
  const connectionsOf = (max: number) => new Connections({ port: stack.apiPort, max, timeoutMs: REQUEST_TIMEOUT_MS });
  const connections = connectionsOf(HEALTHY_CONNECTIONS);
  const troubleConnections = connectionsOf(TROUBLE_CONNECTIONS);
  const commandDeps = { stack, healthy, connections, signal };
  const wanted = 2 * plan.commands;
  const waiting = await prepareCommands(commandDeps, commandStep, wanted);
  const retries = watchRetries(stack.pool);
  const memory = watchMemory(stack);
  const meter = createProcessorMeter(stack, () => undefined);
  const deliveryIds: string[] = [];
  const onAccepted = (sequence: number, body: string) => {
    const deliveryId = deliveryIdOf(body) ?? '';
    deliveryIds[sequence] = deliveryId;
    if (sequence % HEALTHY.failEvery === 0 && deliveryId !== '') retries.add(sequence, deliveryId);
  };
  try {
    progress(`${spec.name}: ${plan.seconds} s of load${troubles.length === 0 ? '' : ' beside trouble'}`);
    const [began, before] = [clockMs(), meter()];
    const spreadMs = plan.seconds * 1_000;
    const load = { signal, answersWithinMs: plan.answersWithinMs };
    const healthyLoad = { ...load, connections, request: healthy.request, step, onAccepted };
    const deadline = began + spreadMs + plan.drainWithinMs;
    const beside = troubles.map(async (trouble) => {
      const own = ++lastStep;
      let promised = 0;
      const count = (_sequence: number, body: string) => {
        promised += deliveryCountOf(body);
      };
      const how = { ...load, connections: troubleConnections, request: trouble.request, step: own, onAccepted: count };
      const log = await sendAtRate(how, trouble.perSecond, plan.seconds);
      return { trouble, step: own, log, promised };
    });
    const settlement = toSettle === undefined ? undefined : settleMeanwhile(deps, toSettle);
    const [log, commands, trouble, settlementSeconds, paid] = await Promise.all([
      sendAtRate(healthyLoad, HEALTHY.perSecond, plan.seconds),
      giveCommands(commandDeps, commandStep, waiting, { wanted, spreadMs, deadline }),
      Promise.all(beside),
      settlement,
      spec.money ? payAtRate(payments, money.orderIds, plan.drainWithinMs, signal) : undefined,
    ]);
    // What is not answered by now is given up, lest it load the next phase.
    troubleConnections.close();
    const processorPercent = percent(before, meter(), clockMs() - began);
    const counts = await countWorkflows(deps, troubles);
    await untilReceived(deps, step, log.accepted, deadline);
    return {
      ...{ name: spec.name, step, log, deliveryIds, due: retries.due, commands, trouble, ...counts },
      ...{ peakRssMb: memory(), processorPercent, settlementSeconds, payments: paid },
      notDeleted: await removeTrouble(deps, troubles),
    };
  } finally {
    memory();
    connections.close();
    troubleConnections.close();
    await retries.stop();
  }
}

async function settleMeanwhile({ plan, signal }: PhaseDeps, day: UnsettledDay): Promise<number | undefined> {
  await sleep(plan.seconds * 1_000 * SETTLEMENT_AFTER, undefined, { signal });
  return settleDay(day, plan.settlementWithinMs, signal);
}

async function countWorkflows({ payments }: PhaseDeps, troubles: readonly Trouble[]) {
  const { open } = payments.stack;
  const tenants = troubles.filter(({ dead }) => dead).map(({ tenant }) => tenant.id);
  const count = (counting: Promise<number>) =>
    Promise.race([counting.catch(() => null), sleep(COUNT_WITHIN_MS, null, { ref: false })]);
  const [openWorkflows, troubleWorkflows] = await Promise.all([
    count(open.runningWorkflows()),
    tenants.length === 0 ? null : count(open.runningWorkflows(tenants)),
  ]);
  return { openWorkflows, troubleWorkflows };
}

async function untilReceived({ payments, signal }: PhaseDeps, step: number, count: number, deadline: number) {
  while (clockMs() < deadline && (await payments.stack.receiver.count(step)) < count) {
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}

/** The next phase begins with endpoints of its own; those that only fan out stay, they hurt nobody. */
async function removeTrouble({ payments, plan }: PhaseDeps, troubles: readonly Trouble[]): Promise<number> {
  let left = 0;
  for (const { dead, tenant, endpointIds } of troubles) {
    if (dead) left += await deleteEndpoints(payments.stack, tenant, endpointIds, plan.deleteWithinMs);
  }
  return left;
}

function percent(before: ProcessorTimes, after: ProcessorTimes, ms: number): ProcessorTimes {
  const names = Object.keys(after) as (keyof ProcessorTimes)[];
  return Object.fromEntries(
    names.map((name) => [name, Math.round((((after[name] ?? 0) - (before[name] ?? 0)) / ms) * 100)]),
  );
}
