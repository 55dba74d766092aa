import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { toUuid } from '../../core/ids';
import { clockMs } from '../kit/clock';
import type { Connections } from '../kit/connections';
import type { Stack } from '../kit/stack';
import { sendAtRate } from '../webhooks/load';
import { deliveryIdOf } from './answers';
import { COMMAND_EVERY, COMMANDS_NUMBER, type Healthy } from './healthy';

/** How long commands took to have their effect, in seconds. */
export interface CommandTimes {
  retry: number[];
  cancel: number[];
  /** Commands without an effect when the wait was over; the wait is among the times. */
  withoutEffect: number;
  /** Commands that were not given, since their delivery was not waiting in time. */
  notGiven: number;
}

/** A delivery that waits for a command. */
export interface Waiting {
  sequence: number;
  deliveryId: string;
}

export interface CommandsDeps {
  stack: Stack;
  healthy: Healthy;
  connections: Connections;
  signal: AbortSignal;
}

const PREPARE_PER_SECOND = 60;
const PREPARE_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 10;

/** Publishes messages of which some fail at first, and waits until these deliveries wait for their retry. */
export async function prepareCommands(deps: CommandsDeps, step: number, count: number): Promise<Waiting[]> {
  const { stack, healthy, connections, signal } = deps;
  const prepared: Waiting[] = [];
  const onAccepted = (sequence: number, body: string) => {
    const deliveryId = deliveryIdOf(body);
    if (sequence % COMMAND_EVERY === 0 && deliveryId !== undefined) prepared.push({ sequence, deliveryId });
  };
  const load = { connections, request: healthy.commandRequest, step, signal, onAccepted };
  const seconds = (count * COMMAND_EVERY) / PREPARE_PER_SECOND;
  await sendAtRate({ ...load, answersWithinMs: PREPARE_WITHIN_MS }, PREPARE_PER_SECOND, seconds);
  const deadline = performance.now() + PREPARE_WITHIN_MS;
  for (;;) {
    const waiting = await statesOf(stack.pool, prepared);
    const ready = prepared.filter(({ deliveryId }) => waiting.get(deliveryId) === 'retrying');
    if (ready.length === count || performance.now() >= deadline) return ready;
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}

/**
 * Gives commands one after the other, evenly over a time: `retry` and `cancel` in turns, each timed until its effect, the
 * webhook at the receiver or the cancelled delivery in the database.
 */
export async function giveCommands(
  deps: CommandsDeps,
  step: number,
  waiting: readonly Waiting[],
  time: { wanted: number; spreadMs: number; deadline: number },
): Promise<CommandTimes> {
  const times: CommandTimes = { retry: [], cancel: [], withoutEffect: 0, notGiven: time.wanted - waiting.length };
  const began = clockMs();
  for (const [index, delivery] of waiting.entries()) {
    const due = began + (time.spreadMs * (index + 1)) / (waiting.length + 1);
    await sleep(Math.max(0, due - clockMs()), undefined, { signal: deps.signal });
    const command = index % 2 === 0 ? 'retry' : 'cancel';
    const given = clockMs();
    if (given >= time.deadline) {
      times.notGiven++;
      continue;
    }
    // What it answers does not matter here, only what it does.
    const call = deps.healthy.tenant.client.call('POST', `/v1/deliveries/${delivery.deliveryId}/${command}`);
    call.catch(() => undefined);
    const look = command === 'retry' ? retriedAt(deps.stack, step, delivery) : cancelledAt(deps.stack.pool, delivery);
    const at = await effect(look, time.deadline, deps.signal);
    if (at === undefined) times.withoutEffect++;
    times[command].push(((at ?? clockMs()) - given) / 1_000);
  }
  return times;
}

type Look = () => Promise<number | undefined>;

async function effect(look: Look, deadline: number, signal: AbortSignal): Promise<number | undefined> {
  for (;;) {
    const at = await look().catch(() => undefined);
    if (at !== undefined || clockMs() >= deadline) return at;
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
}

function retriedAt({ receiver }: Stack, step: number, { sequence }: Waiting): Look {
  return async () => {
    const at = (await receiver.arrivals(step))(COMMANDS_NUMBER).firstAt[sequence] ?? 0;
    return at === 0 ? undefined : at;
  };
}

function cancelledAt(pool: Pool, delivery: Waiting): Look {
  return async () => {
    const states = await statesOf(pool, [delivery]);
    return states.get(delivery.deliveryId) === 'cancelled' ? clockMs() : undefined;
  };
}

/** The state of each delivery; a waiting one that is being attempted counts as `attempting`. */
async function statesOf(pool: Pool, deliveries: readonly Waiting[]): Promise<Map<string, string>> {
  const { rows } = await pool.query<{ id: string; state: string }>({
    name: 'bench-command-states',
    text: `SELECT 'dlv_' || replace(id::text, '-', '') AS id,
                  CASE WHEN claim IS NULL THEN state ELSE 'attempting' END AS state
           FROM deliveries WHERE id = ANY ($1::uuid[])`,
    values: [deliveries.map(({ deliveryId }) => toUuid(deliveryId))],
  });
  return new Map(rows.map(({ id, state }) => [id, state]));
}
