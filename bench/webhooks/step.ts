import { setTimeout as sleep } from 'node:timers/promises';
import type { ArrivalsReport } from '../kit/arrivals';
import { clockMs } from '../kit/clock';
import { microsecondsEach, type ProcessorMeter, type ProcessorTimes } from '../kit/processors';
import type { ReceiverClient } from '../kit/receiver-client';
import { percentile, round } from '../kit/statistics';
import { type SendLog, sendAtMost, sendAtRate } from './load';
import { SENDERS, type System } from './system';

/** Latencies of one step, in milliseconds. See docs/performance.md for what each one spans. */
export interface Latency {
  acceptP50: number;
  acceptP99: number;
  receivedP50: number;
  receivedP95: number;
  receivedP99: number;
  /** From the moment a message was due until the receiver had it. */
  endToEndP50: number;
  endToEndP99: number;
}

export interface RateResult {
  /** Undefined when the system could not keep up. */
  latency: Latency | undefined;
  /** How late the generator's own timer was, in milliseconds. */
  lagP99: number;
}

export interface MaximumResult {
  deliveriesPerSecond: number;
  acceptedPerSecond: number;
  /** From the last 202 until the receiver had everything. */
  drainSeconds: number;
  /** Acknowledged messages that had not come in when the wait ended. */
  undelivered: number;
  /** Answers other than 202, by status. */
  refused: Record<string, number>;
  processorMicroseconds: ProcessorTimes;
}

/** What a step of a system sent, kept until the end for the count of lost and doubled messages. */
export interface SentStep {
  step: number;
  copies: number;
  log: SendLog;
}

export interface StepDeps {
  receiver: ReceiverClient;
  signal: AbortSignal;
  processors: ProcessorMeter;
  /** How long to wait for acknowledged messages to come in. */
  drainWithinMs: number;
  /** How long to wait then for the system to have nothing left to do, after this many messages a second. */
  settleWithinMs(perSecond: number): number;
  /** Steps done so far, by system; each step adds itself. */
  sent: Record<System['name'], SentStep[]>;
}

/** Sustained: this share of the messages was received at most this long after the last one was due. */
const SUSTAINED_SHARE = 0.98;
const SUSTAINED_WITHIN_MS = 1_000;
const LOOK_EVERY_MS = 50;

let lastStep = 0;

/** Loads a system at a constant rate and measures its latencies. */
export async function measureRate(
  deps: StepDeps,
  system: System,
  perSecond: number,
  seconds: number,
): Promise<RateResult> {
  const { connections, request } = system;
  const step = ++lastStep;
  const log = await sendAtRate({ connections, request, step, signal: deps.signal }, perSecond, seconds);
  await drained(deps, system, step, log);
  await system.settle(deps.settleWithinMs(perSecond));
  const arrivals = (await deps.receiver.arrivals(step))(0);
  return { latency: latencyOf(log, arrivals), lagP99: percentile(lags(log), 0.99) };
}

/** Loads a system with as much as it takes, and measures the messages a second delivered until none was left. */
export async function measureMaximum(
  deps: StepDeps,
  system: System,
  seconds: number,
  senders = SENDERS,
): Promise<MaximumResult> {
  const { connections, request, sendMost = sendAtMost } = system;
  const step = ++lastStep;
  const before = deps.processors();
  const log = await sendMost({ connections, request, step, signal: deps.signal }, senders, seconds);
  await drained(deps, system, step, log);
  const waitedUntil = clockMs();
  const after = deps.processors();
  await system.settle(deps.settleWithinMs(Number.POSITIVE_INFINITY));
  const reports = await deps.receiver.arrivals(step);
  const firstAccepted = minimum(log.acceptedAt);
  const lastAccepted = maximum(log.acceptedAt);
  let [received, lastReceived] = [0, 0];
  for (let endpoint = 0; endpoint < system.copies; endpoint++) {
    const { firstAt } = reports(endpoint);
    for (const at of firstAt) if (at > 0) received++;
    lastReceived = Math.max(lastReceived, maximum(firstAt));
  }
  const undelivered = log.accepted * system.copies - received;
  // What is still missing takes at least as long as the wait.
  const end = undelivered > 0 ? waitedUntil : lastReceived;
  return {
    deliveriesPerSecond: (received / (end - firstAccepted)) * 1_000,
    acceptedPerSecond: (log.accepted / (lastAccepted - firstAccepted)) * 1_000,
    drainSeconds: Math.max(0, end - lastAccepted) / 1_000,
    undelivered,
    refused: Object.fromEntries(log.refused),
    processorMicroseconds: microsecondsEach(before, after, received),
  };
}

/** A line for people. */
export function describeMaximum(result: MaximumResult): string {
  const refused = Object.entries(result.refused).map(([status, count]) => `, ${count} answered ${status}`);
  const { deliveriesPerSecond, acceptedPerSecond, drainSeconds, undelivered } = result;
  const missing = undelivered > 0 ? `, ${undelivered} not delivered by then` : '';
  return (
    `${round(deliveriesPerSecond, 0)} deliveries/s (accepted ${round(acceptedPerSecond, 0)}/s, ` +
    `drained in ${round(drainSeconds)} s${missing}${refused.join('')})`
  );
}

/** Waits until the receiver has what was acknowledged, for a bounded time. */
export async function untilAllArrived(
  receiver: ReceiverClient,
  steps: readonly SentStep[],
  withinMs: number,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (const { step, copies, log } of steps) {
    while ((await receiver.count(step)) < log.accepted * copies && performance.now() < deadline) {
      await sleep(LOOK_EVERY_MS, undefined, { signal });
    }
  }
}

/** Messages of these steps that were acknowledged and never received, and arrivals beyond a message's first. */
export async function countLost(
  receiver: ReceiverClient,
  steps: readonly SentStep[],
): Promise<{ lost: number; duplicates: number }> {
  let [lost, duplicates] = [0, 0];
  for (const { step, copies, log } of steps) {
    const reports = await receiver.arrivals(step);
    for (let endpoint = 0; endpoint < copies; endpoint++) {
      const { times, ids } = reports(endpoint);
      log.ids.forEach((id, sequence) => {
        // A message that came with another's id is not the one that was acknowledged.
        if (id !== '' && ids[sequence] !== id) lost++;
      });
      for (const count of times) duplicates += Math.max(0, count - 1);
    }
  }
  return { lost, duplicates };
}

async function drained(deps: StepDeps, system: System, step: number, log: SendLog): Promise<void> {
  const sent = { step, copies: system.copies, log };
  deps.sent[system.name].push(sent);
  await untilAllArrived(deps.receiver, [sent], deps.drainWithinMs, deps.signal);
}

function latencyOf(log: SendLog, arrivals: ArrivalsReport): Latency | undefined {
  const [accept, received, endToEnd]: [number[], number[], number[]] = [[], [], []];
  const inTime = (log.scheduledAt.at(-1) ?? 0) + SUSTAINED_WITHIN_MS;
  let sustained = 0;
  log.scheduledAt.forEach((scheduledAt, sequence) => {
    const acceptedAt = log.acceptedAt[sequence] ?? 0;
    const receivedAt = arrivals.firstAt[sequence] ?? 0;
    if (acceptedAt === 0 || receivedAt === 0) return;
    accept.push(acceptedAt - scheduledAt);
    received.push(Math.max(0, receivedAt - acceptedAt));
    endToEnd.push(receivedAt - scheduledAt);
    if (receivedAt <= inTime && acceptedAt <= inTime) sustained++;
  });
  if (sustained < SUSTAINED_SHARE * log.scheduledAt.length) return undefined;
  return {
    acceptP50: percentile(accept, 0.5),
    acceptP99: percentile(accept, 0.99),
    receivedP50: percentile(received, 0.5),
    receivedP95: percentile(received, 0.95),
    receivedP99: percentile(received, 0.99),
    endToEndP50: percentile(endToEnd, 0.5),
    endToEndP99: percentile(endToEnd, 0.99),
  };
}

function lags(log: SendLog): number[] {
  return log.sentAt.map((at, sequence) => at - (log.scheduledAt[sequence] ?? at));
}

function minimum(times: readonly number[]): number {
  let least = Number.POSITIVE_INFINITY;
  for (const at of times) if (at > 0 && at < least) least = at;
  return least;
}

function maximum(times: readonly number[]): number {
  let most = 0;
  for (const at of times) if (at > most) most = at;
  return most;
}
