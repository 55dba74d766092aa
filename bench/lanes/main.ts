// npm run bench:lanes -- [--json] [--quick]: what a backlog of bulk costs urgent messages, to the same endpoint and to another,
// and what these cost bulk. Ends with code 1 when an urgent message is lost. Method: docs/performance.md.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Interrupted, listenForInterrupts } from '../../infra/setup/processes/interrupts';
import { clockMs } from '../kit/clock';
import { describeMachine } from '../kit/machine';
import { progress } from '../kit/progress';
import { startStack } from '../kit/stack';
import { percentile, round } from '../kit/statistics';
import { addTenant, type BenchTenant } from '../kit/tenant';
import { type LanesReceiver, startLanesReceiver } from './receiver';

const FULL = { backlog: 50_000, seconds: 60 };
const QUICK = { backlog: 5_000, seconds: 10 };
const URGENT_A_SECOND = 20;
const BATCH = 200;
/** Batches under way at once. */
const PUBLISHERS = 4;
/** About 300 a second: less than is published. */
const NARROW = { atOnce: 6, eachMs: 20 };
const URGENT_WITHIN_MS = 60_000;

interface Deps {
  tenant: BenchTenant;
  receiver: LanesReceiver;
  signal: AbortSignal;
}

type Target = 'fast' | 'narrow';

/** Publishes urgent messages at a fixed rate, to both endpoints in turns, and waits for them. */
async function urgent({ tenant, receiver, signal }: Deps, name: string, seconds: number) {
  const sent: { mark: string; target: Target; at: number }[] = [];
  const answers: Promise<unknown>[] = [];
  const began = clockMs();
  for (let n = 0; n < seconds * URGENT_A_SECOND; n++) {
    const due = began + (n * 1_000) / URGENT_A_SECOND;
    await sleep(Math.max(0, due - clockMs()), undefined, { signal });
    const mark = `${name}-${n}`;
    const target = n % 2 === 0 ? 'fast' : 'narrow';
    // From when it was due, so that a delay of the one before counts too.
    sent.push({ mark, target, at: due });
    const message = { eventType: `urgent.${target}`, payload: { mark }, priority: 'urgent' };
    answers.push(tenant.client.call('POST', '/v1/messages', message));
  }
  await Promise.all(answers);
  const deadline = clockMs() + URGENT_WITHIN_MS;
  while (sent.some(({ mark }) => !receiver.arrivedAt.has(mark)) && clockMs() < deadline) await sleep(50);
  const of = (target: Target) => {
    const mine = sent.filter((one) => one.target === target);
    const times = mine.flatMap(({ mark, at }) => {
      const arrived = receiver.arrivedAt.get(mark);
      return arrived === undefined ? [] : [arrived - at];
    });
    const [p50Ms, p95Ms, p99Ms] = [0.5, 0.95, 0.99].map((share) => round(percentile(times, share), 1));
    return { sent: mine.length, lost: mine.length - times.length, p50Ms, p95Ms, p99Ms };
  };
  return { otherEndpoint: of('fast'), sameEndpoint: of('narrow') };
}

/** Publishes bulk without pause until it is told to stop, or so many are accepted. */
async function bulk({ tenant, signal }: Deps, until: { count: number } | { over(): boolean }) {
  const messages = Array.from({ length: BATCH }, () => ({
    eventType: 'bulk.sent',
    payload: { text: 'x'.repeat(400) },
  }));
  let [accepted, refused] = [0, 0];
  const began = clockMs();
  const done = () => signal.aborted || ('count' in until ? accepted >= until.count : until.over());
  const publish = async () => {
    while (!done()) {
      const answer = (await tenant.client.call('POST', '/v1/messages/batch', messages)) as Record<string, number>;
      accepted += answer.accepted ?? 0;
      refused += answer.refused ?? 0;
    }
  };
  await Promise.all(Array.from({ length: PUBLISHERS }, publish));
  return { accepted, refused, aSecond: Math.round((accepted * 1_000) / (clockMs() - began)) };
}

/** How many bulk messages arrive a second while something goes on. */
async function arriving<T>({ receiver }: Deps, work: Promise<T>) {
  const [before, began] = [receiver.bulk(), clockMs()];
  const result = await work;
  return { result, aSecond: Math.round(((receiver.bulk() - before) * 1_000) / (clockMs() - began)) };
}

async function main(quick: boolean, interrupts: AbortSignal) {
  const { backlog, seconds } = quick ? QUICK : FULL;
  const died = new AbortController();
  const signal = AbortSignal.any([interrupts, died.signal]);
  const stack = await startStack({ onDeath: (error) => died.abort(error), signal });
  const receiver = await startLanesReceiver(NARROW);
  try {
    const tenant = await addTenant(stack, 'lanes');
    const deps: Deps = { tenant, receiver, signal };
    const machine = await describeMachine(stack.pool);
    await tenant.client.call('POST', '/v1/event-types', { name: 'bulk.sent', priority: 'bulk' });
    const endpoint = (path: Target, eventTypes: string[]) =>
      tenant.client.call('POST', '/v1/endpoints', { url: receiver.url(path), eventTypes });
    await endpoint('fast', ['urgent.fast']);
    await endpoint('narrow', ['urgent.narrow', 'bulk.sent']);
    await urgent(deps, 'warm', 2);
    const alone = await urgent(deps, 'alone', seconds);
    progress('urgent alone is measured');
    const filled = await bulk(deps, { count: backlog });
    progress(`${filled.accepted} of bulk are accepted, ${receiver.bulk()} of them have arrived`);
    const quiet = await arriving(deps, sleep(seconds * 500, undefined, { signal }));
    const behind = await urgent(deps, 'behind', seconds);
    progress('urgent behind a backlog is measured');
    let over = false;
    const publishing = bulk(deps, { over: () => over });
    const beside = await arriving(
      deps,
      urgent(deps, 'beside', seconds).finally(() => {
        over = true;
      }),
    );
    const published = await publishing;
    const groups = [alone, behind, beside.result];
    const lost = groups.reduce(
      (sum, { otherEndpoint, sameEndpoint }) => sum + otherEndpoint.lost + sameEndpoint.lost,
      0,
    );
    return {
      backlog,
      urgentASecond: URGENT_A_SECOND,
      urgent: { alone, behindBacklog: behind, whileBulkIsPublished: beside.result },
      bulk: {
        acceptedASecond: { alone: filled.aSecond, besideUrgent: published.aSecond },
        deliveredASecond: { alone: quiet.aSecond, besideUrgent: beside.aSecond },
        refused: filled.refused + published.refused,
      },
      lost,
      machine,
    };
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    await stack.stop(false);
    await receiver.close();
  }
}

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
});

main(values.quick, listenForInterrupts(progress)).then(
  (result) => {
    process.stdout.write(`${JSON.stringify(result, undefined, values.json ? undefined : 2)}\n`);
    if (result.lost > 0) process.exitCode = 1;
  },
  (error: unknown) => {
    process.exitCode = error instanceof Interrupted ? error.exitCode : 1;
    if (!(error instanceof Interrupted)) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  },
);
