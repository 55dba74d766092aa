import { setTimeout as sleep } from 'node:timers/promises';
import { watchBacklog } from '../kit/backlog';
import { clockMs } from '../kit/clock';
import { Connections } from '../kit/connections';
import { progress } from '../kit/progress';
import { prepareRequests } from '../kit/request';
import type { Stack } from '../kit/stack';
import type { Supervised } from '../kit/supervised';
import type { Evidence } from './judgement';
import { SteadyLoad } from './steady-load';

export interface FaultPlan {
  perSecond: number;
  /** Load before the kill, between kill and restart, and at least after the restart, in milliseconds. */
  beforeMs: number;
  downMs: number;
  afterMs: number;
  /** How long the load goes on, at most, until publishes are answered again. */
  answeredWithinMs: number;
  /** How long to wait for every delivery to end. */
  settleWithinMs: number;
  /** How late the receiver answers until the restart, so that many attempts are under way at any moment. */
  answerDelayMs?: number;
  /** For a fault that is about an open circuit: how long before the kill the mortal endpoint goes away, and for how long. */
  mortal?: { beforeMs: number; downMs: number };
}

export interface FaultDeps {
  stack: Stack;
  eventType: string;
  /** Every supervised process, killed or not. */
  everybody: readonly Supervised[];
  signal: AbortSignal;
}

const LOOK_EVERY_MS = 200;
/** How long before the kill the mortal endpoint goes away, and for how long. */
const MORTAL_BEFORE_MS = 500;
const MORTAL_DOWN_MS = 3_000;
/** Load after publishes are answered again, to observe the recovery in. */
const CALM_MS = 1_500;
const CONNECTIONS = 64;
const REQUEST_TIMEOUT_MS = 5_000;
const PAYLOAD_BYTES = 1_024;

let lastStep = 0;

/** When a fault was over, and when what it took away was gone. */
export interface Strike extends Pick<Evidence, 'goneDate' | 'openCircuits' | 'restartedAt' | 'restartedDate'> {}

/** Kills some processes under load, starts them again, and waits until every delivery has ended. */
export function runFault(
  deps: FaultDeps,
  name: string,
  victims: readonly Supervised[],
  plan: FaultPlan,
): Promise<Evidence> {
  return underLoad(deps, name, plan, () => strike(deps, name, victims, plan));
}

/** Publishes at a constant rate while something happens, and until it is answered again; then waits for the rest. */
export async function underLoad(
  deps: FaultDeps,
  name: string,
  plan: FaultPlan,
  happening: () => Promise<Strike>,
): Promise<Evidence> {
  const { stack, signal, everybody } = deps;
  const { perSecond } = plan;
  const step = ++lastStep;
  const exits = everybody.map(({ unexpectedExits }) => unexpectedExits);
  const connections = new Connections({ port: stack.apiPort, max: CONNECTIONS, timeoutMs: REQUEST_TIMEOUT_MS });
  const load = new SteadyLoad({ connections, request: requestsTo(stack, deps.eventType), step, perSecond, signal });
  const backlog = watchBacklog(stack);
  try {
    const struck = await happening();
    await untilAnswered(load, plan, signal);
    const stoppedAt = clockMs();
    await load.stop();
    const open = await untilSettled(stack, plan.settleWithinMs, signal);
    progress(`${name}: ${load.acknowledged.length} messages acknowledged; ${open} deliveries open after the wait`);
    const unexpectedExits = everybody.filter((process, index) => process.unexpectedExits > (exits[index] ?? 0));
    return {
      ...{ step, perSecond, load, backlog, ...struck, stoppedAt },
      unexpectedExits: unexpectedExits.map((process) => process.name),
    };
  } finally {
    void load.stop();
    connections.close();
    await backlog.stop();
  }
}

async function strike(deps: FaultDeps, name: string, victims: readonly Supervised[], plan: FaultPlan): Promise<Strike> {
  const { stack, signal } = deps;
  const pause = (ms: number) => sleep(ms, undefined, { signal });
  await stack.receiver.setDelay(plan.answerDelayMs ?? 0);
  const { beforeMs, downMs } = plan.mortal ?? { beforeMs: MORTAL_BEFORE_MS, downMs: MORTAL_DOWN_MS };
  await pause(Math.max(0, plan.beforeMs - beforeMs));
  const mortal = dieForAWhile(stack, downMs, signal);
  // Awaited below; until then it may fail, as when the run is interrupted.
  mortal.catch(() => {});
  await pause(beforeMs);
  const openCircuits = plan.mortal === undefined ? undefined : await countOpenCircuits(stack);
  progress(`${name}: kill -9 under ${plan.perSecond} messages/s`);
  await Promise.all(victims.map((victim) => victim.kill()));
  const goneDate = Date.now();
  await pause(plan.downMs);
  await stack.receiver.setDelay(0);
  const [restartedAt, restartedDate] = [clockMs(), Date.now()];
  await Promise.all([...victims.map((victim) => victim.start()), mortal, pause(plan.afterMs)]);
  return { goneDate, restartedAt, restartedDate, ...(openCircuits === undefined ? {} : { openCircuits }) };
}

async function countOpenCircuits({ pool }: Stack): Promise<number> {
  const { rows } = await pool.query<{ open: number }>(
    "SELECT count(*)::int AS open FROM endpoints WHERE circuit = 'open'",
  );
  return rows[0]?.open ?? 0;
}

async function dieForAWhile(stack: Stack, downMs: number, signal: AbortSignal): Promise<void> {
  await stack.receiver.setSecond('down');
  await sleep(downMs, undefined, { signal });
  await stack.receiver.setSecond('up');
}

function requestsTo(stack: Stack, eventType: string) {
  return prepareRequests({
    port: stack.apiPort,
    path: '/v1/messages',
    key: stack.adminKey,
    eventType,
    payloadBytes: PAYLOAD_BYTES,
    eventIdPrefix: 'fault-',
  });
}

/** Continues the load while many messages wait for an answer, and a little longer. */
async function untilAnswered(load: SteadyLoad, plan: FaultPlan, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + plan.answeredWithinMs;
  while (load.waiting > plan.perSecond / 2 && performance.now() < deadline) {
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
  await sleep(CALM_MS, undefined, { signal });
}

/** @returns how many deliveries are still open */
async function untilSettled(stack: Stack, withinMs: number, signal: AbortSignal): Promise<number> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const open = await stack.open.deliveries();
    if (open === 0 || performance.now() >= deadline) return open;
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}
