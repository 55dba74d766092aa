// npm run bench:inbound -- [--json] [--quick]: inbound webhooks a second that are verified, stored and answered, how long that
// takes, and how long until all of them are messages. Method: docs/performance.md.
import { parseArgs } from 'node:util';
import { Interrupted, listenForInterrupts } from '../../infra/setup/processes/interrupts';
import { Connections } from '../kit/connections';
import { describeMachine, rssMb } from '../kit/machine';
import { progress } from '../kit/progress';
import { startStack } from '../kit/stack';
import { percentile, round } from '../kit/statistics';
import { type SendLog, sendAtMost, sendAtRate } from '../webhooks/load';
import { auditInbound, untilProcessed } from './inbound-audit';
import { addSource, prepareWebhooks } from './sender';

const FULL = { warmUpSeconds: 5, seconds: 20 };
const QUICK = { warmUpSeconds: 2, seconds: 6 };
const SENDERS = 64;
const PER_SECOND = 200;
const BYTES = 1_024;
const EVENT_TYPE = 'bench.inbound';
const PROCESSED_WITHIN_MS = 300_000;

async function main(quick: boolean, interrupts: AbortSignal) {
  const plan = quick ? QUICK : FULL;
  const died = new AbortController();
  const signal = AbortSignal.any([interrupts, died.signal]);
  const stack = await startStack({ signal, onDeath: (error) => died.abort(error) });
  const connections = new Connections({ port: stack.apiPort, max: SENDERS, timeoutMs: 10_000 });
  try {
    const machine = await describeMachine(stack.pool);
    await stack.client.call('POST', '/v1/endpoints', { url: stack.receiver.url(0), eventTypes: [EVENT_TYPE] });
    const source = await addSource(stack, EVENT_TYPE);
    const load = { connections, request: prepareWebhooks(stack.apiPort, source, BYTES), signal };
    await sendAtMost({ ...load, step: 1 }, SENDERS, plan.warmUpSeconds);
    await untilProcessed(stack.pool, PROCESSED_WITHIN_MS, signal);

    const rated = figuresOf(await sendAtRate({ ...load, step: 2 }, PER_SECOND, plan.seconds), plan.seconds);
    progress(`at ${PER_SECOND}/s: ${JSON.stringify(rated)}`);
    await untilProcessed(stack.pool, PROCESSED_WITHIN_MS, signal);
    const saturated = figuresOf(await sendAtMost({ ...load, step: 3 }, SENDERS, plan.seconds), plan.seconds);
    progress(`${SENDERS} at a time: ${JSON.stringify(saturated)}`);
    const allProcessedAfterSeconds = round(await untilProcessed(stack.pool, PROCESSED_WITHIN_MS, signal), 1);
    const audit = await auditInbound(stack.pool, EVENT_TYPE);
    const rss = { api: rssMb(stack.api.pid), worker: rssMb(stack.worker.pid) };
    return { saturated, allProcessedAfterSeconds, rated, senders: SENDERS, bytes: BYTES, audit, rssMb: rss, machine };
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    connections.close();
    await stack.stop(false);
  }
}

function figuresOf({ accepted, acceptedAt, sentAt, refused }: SendLog, seconds: number) {
  const latencies = acceptedAt.flatMap((at, index) => (at === 0 ? [] : [at - (sentAt[index] ?? at)]));
  return {
    perSecond: round(accepted / seconds, 0),
    p50Ms: round(percentile(latencies, 0.5), 1),
    p99Ms: round(percentile(latencies, 0.99), 1),
    refused: Object.fromEntries(refused),
  };
}

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
});

main(values.quick, listenForInterrupts(progress)).then(
  (result) => {
    process.stdout.write(`${JSON.stringify(result, undefined, values.json ? undefined : 2)}\n`);
    const { open, failed, wrong } = result.audit;
    if (open + failed + wrong > 0) process.exitCode = 1;
  },
  (error: unknown) => {
    process.exitCode = error instanceof Interrupted ? error.exitCode : 1;
    if (!(error instanceof Interrupted)) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  },
);
