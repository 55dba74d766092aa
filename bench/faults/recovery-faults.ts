import { setTimeout as sleep } from 'node:timers/promises';
import { toUuid } from '../../core/ids';
import { progress } from '../kit/progress';
import { type Stack, startStack } from '../kit/stack';
import { round } from '../kit/statistics';
import { type SupervisedStack, superviseStack } from '../kit/strikes';
import { addDeadDeliveries } from './dead-data';
import { countDuplicates } from './follow-up';

/** Dead letters that nobody asks for, and what is done to them. Times in milliseconds. */
export interface RecoveryFaultPlan {
  count: number;
  /** How long the endpoint is away while its dead letters are there. */
  awayMs: number;
  /** Between two kills, and between kill and restart. */
  beforeMs: number;
  downMs: number;
  settleWithinMs: number;
}

export const FULL_RECOVERY_FAULTS: RecoveryFaultPlan = {
  count: 10_000,
  awayMs: 40_000,
  beforeMs: 8_000,
  downMs: 3_000,
  settleWithinMs: 300_000,
};

export const QUICK_RECOVERY_FAULTS: RecoveryFaultPlan = { ...FULL_RECOVERY_FAULTS, count: 1_000, beforeMs: 3_000 };

interface Recovered {
  /** From the moment at which the endpoint is healthy again until the last of its dead letters is delivered. */
  seconds: number;
  /** Messages that came in, and how many of them again. */
  received: number;
  duplicates: number;
}

export interface RecoveryFaultReport {
  count: number;
  /** Nothing else is sent to the endpoint, and its circuit is closed. */
  quiet: Recovered;
  /** Its circuit is open. */
  circuitOpen: Recovered;
  /** Quiet, while processes are killed in this order. */
  underKills: Recovered & { kills: string[] };
  sound: boolean;
}

const LOOK_EVERY_MS = 500;
/** As many failures as open a circuit, and some. */
const OPENING_FAILURES = 15;

/** Has dead letters recover by themselves, with all settings as they are by default: nobody asks for anything. */
export async function runRecoveryFaults(plan: RecoveryFaultPlan, signal: AbortSignal): Promise<RecoveryFaultReport> {
  const stack = await startStack({ env: { WAYBILL_SWEEP_INTERVAL: '30s' }, signal });
  let keep = true;
  try {
    const quiet = await recover(stack, { number: 1, plan, signal });
    const circuitOpen = await recover(stack, { number: 2, plan, signal, failing: OPENING_FAILURES });
    const supervised = superviseStack(stack, signal);
    const kills: string[] = [];
    const killed = await recover(stack, {
      number: 3,
      plan,
      signal,
      meanwhile: async () => void kills.push(...(await killInTurns(supervised, plan, signal))),
    });
    const sound = [quiet, circuitOpen, killed].every(({ received }) => received === plan.count);
    keep = !sound;
    return { count: plan.count, quiet, circuitOpen, underKills: { ...killed, kills }, sound };
  } finally {
    await stack.stop(keep && !signal.aborted);
  }
}

interface Trial {
  /** Of the endpoint, and of the step that marks its messages. */
  number: number;
  plan: RecoveryFaultPlan;
  signal: AbortSignal;
  /** Messages that are sent to it while it is away. */
  failing?: number;
  /** Runs from the moment at which it is healthy. */
  meanwhile?(): Promise<void>;
}

async function recover(stack: Stack, { number, plan, signal, failing = 0, meanwhile }: Trial): Promise<Recovered> {
  await stack.receiver.setSecond('down');
  const eventType = `bench.recovery.${number}`;
  const wish = { url: stack.receiver.url(number, { second: true }), eventTypes: [eventType], timeout: '2s' };
  const { id } = (await stack.client.call('POST', '/v1/endpoints', wish)) as { id: string };
  await addDeadDeliveries(stack.pool, id, { step: number, count: plan.count });
  for (let n = 0; n < failing; n++) await stack.client.call('POST', '/v1/messages', { eventType, payload: { n } });
  await sleep(plan.awayMs, undefined, { signal });
  await stack.receiver.setSecond('up');
  const began = performance.now();
  const others = meanwhile?.();
  for (let seconds = 0, left = plan.count; left > 0; ) {
    if (performance.now() - began > plan.settleWithinMs) throw new Error(`${left} not delivered after ${seconds} s`);
    await sleep(LOOK_EVERY_MS, undefined, { signal });
    // Nobody answers while Postgres is away.
    left = await countUndelivered(stack, id).catch(() => left);
    seconds = round((performance.now() - began) / 1_000, 1);
    if (left > 0) continue;
    await others;
    const arrivals = (await stack.receiver.arrivals(number))(number);
    const received = await stack.receiver.count(number);
    progress(`recovery ${number}: ${plan.count} dead letters delivered after ${seconds} s`);
    return { seconds, received, duplicates: countDuplicates([arrivals]) };
  }
  throw new Error('there was nothing to recover');
}

async function countUndelivered({ pool }: Stack, endpointId: string): Promise<number> {
  const { rows } = await pool.query<{ left: number }>(
    `SELECT count(*)::int AS left FROM deliveries WHERE endpoint_id = $1 AND state <> 'delivered'`,
    [toUuid(endpointId)],
  );
  return rows[0]?.left ?? Number.NaN;
}

async function killInTurns(
  { worker, api, temporal, postgres }: SupervisedStack,
  { beforeMs, downMs }: RecoveryFaultPlan,
  signal: AbortSignal,
): Promise<string[]> {
  const victims = [worker, api, temporal, postgres, worker];
  for (const victim of victims) {
    await sleep(beforeMs, undefined, { signal });
    progress(`recovery: kill -9 of ${victim.name}`);
    await victim.kill();
    await sleep(downMs, undefined, { signal });
    await victim.start();
  }
  return victims.map(({ name }) => name);
}
