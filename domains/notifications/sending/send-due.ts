import { setTimeout as sleep } from 'node:timers/promises';
import { createFairLimit } from '../../../core/fair-limit';
import type { Platform } from '../../../infra/platform/platform';
import { conflictMetrics, deliverEvents, type StoredEvent } from '../../webhooks';
import { NotReady, type WireResult } from '../channels/wire';
import { notificationsConfig } from '../config';
import { notificationMetrics } from '../metrics';
import type { SendReport } from '../rules/states';
import { attemptsOf, type Outcome, recordOutcome, recordSetback, type Setback } from '../store/hand-over';
import { type DueSend, dueSends, openSends } from '../store/sends';
import { suppressAddress } from './bounces';
import { HAND_OFF_MS, type HandOver, handOver } from './hand-over';
import { type LetterBearer, openLetters } from './letters';

/** Sends that a round takes at once. */
const PAGE = 200;
/** Of them under way; a decision takes a connection for a moment. */
const AT_ONCE = 64;
/** A round ends after so long, so that a workflow with many sends shows how far it has got. */
const ROUND_MS = 20_000;
/** The least pause after a round that found nothing to do: what is left is somebody else's at the moment. */
const IDLE_MS = 250;
/** A send whose hand-off is too late again and again is left for later. */
const MAX_DECISIONS = 3;
/** What a provider has acknowledged is sent again if that is not recorded, so it is tried for a while. */
const RECORD_PAUSES_MS = [50, 200, 1_000, 3_000];

/** What became of one send in a round. */
type End = 'sent' | 'suppressed' | 'failed' | 'deferred' | 'retrying' | 'left';

/**
 * Sends what is due of a workflow. Each send is decided about and handed over in one transaction, and begins on the wire at
 * once, or is decided about again. One whose process dies on the way is decided about and sent again when its lease is over;
 * one whose end is recorded never is.
 */
export async function sendDue(platform: Platform, workflowId: string): Promise<SendReport> {
  const { pool } = platform;
  const counts = { sent: 0, suppressed: 0, failed: 0, deferred: 0, retrying: 0 };
  const until = performance.now() + ROUND_MS;
  const limit = createFairLimit(AT_ONCE);
  for (;;) {
    const due = await dueSends(pool, workflowId, PAGE);
    const ends = await Promise.all(due.map((send) => limit.run(send.tenantId, () => sendOne(platform, send, until))));
    for (const end of ends) if (end !== 'left') counts[end]++;
    if (due.length === 0 || ends.every((end) => end === 'left') || performance.now() > until) break;
  }
  const { open, nextInMs } = await openSends(pool, workflowId);
  return { ...counts, open, nextInMs: open === 0 ? 0 : Math.max(nextInMs, IDLE_MS) };
}

async function sendOne(platform: Platform, due: DueSend, until: number): Promise<End> {
  if (performance.now() > until) return 'left';
  const metrics = platform.metrics.of(notificationMetrics);
  const count = (outcome: string) => metrics.sends.inc({ channel: due.channel, outcome });
  try {
    const end = await trySend(platform, due);
    if (end !== 'left') count(end === 'retrying' ? 'retried' : end);
    return end;
  } catch (error) {
    platform.log.warn({ err: error, sendId: due.id }, 'a notification was not sent');
    // What fails whenever it is tried must not be tried without end; what is under way stays with its lease.
    return setBack(platform, due, 'something went wrong here: the log has it');
  }
}

async function trySend(platform: Platform, due: DueSend): Promise<End> {
  const letters = platform.once(openLetters);
  const bearer = letters.bearer(due.channel);
  if (bearer === 'within') return endOf(platform, await handOver(platform, due.id));
  if (bearer === undefined) return setBack(platform, due, 'the channel is not set up here');
  try {
    return await bearer.ready(due.tenantId, (deliver) => decideAndSend(platform, due, deliver));
  } catch (error) {
    if (error instanceof NotReady) return setBack(platform, due, error.message);
    throw error;
  }
}

type LetterDeliverer = Parameters<Parameters<LetterBearer['ready']>[1]>[0];

/** Decides at the last moment, and sends. */
async function decideAndSend(platform: Platform, due: DueSend, deliver: LetterDeliverer): Promise<End> {
  for (let decisions = 1; ; decisions++) {
    const askedAt = performance.now();
    const handed = await handOver(platform, due.id);
    if (handed.state !== 'sending') return endOf(platform, handed);
    const send = await prepared(platform, handed, deliver);
    if (performance.now() - askedAt <= HAND_OFF_MS) return conclude(platform, handed, await send());
    platform.metrics.of(notificationMetrics).late.inc();
    const delayMs = decisions < MAX_DECISIONS ? 0 : HAND_OFF_MS;
    await record(platform, handed, { state: 'pending', error: undefined, delayMs, tried: false });
    if (decisions >= MAX_DECISIONS) return 'retrying';
  }
}

/** Makes what goes out. What cannot be made is not sent, and tried again like what a provider does not take. */
async function prepared(
  { log }: Platform,
  handed: Handed,
  deliver: LetterDeliverer,
): Promise<() => Promise<WireResult>> {
  try {
    return await deliver.prepare(handed);
  } catch (error) {
    log.warn({ err: error, sendId: handed.send.id }, 'what goes out could not be made');
    return async () => ({ outcome: 'failed', error: 'it could not be made: the log has why', retryAfterMs: undefined });
  }
}

type Handed = Extract<HandOver, { state: 'sending' }>;

async function conclude(platform: Platform, handed: Handed, result: WireResult): Promise<End> {
  const { send } = handed;
  if (result.outcome === 'sent') {
    await record(platform, handed, { state: 'sent', reference: result.reference });
    return 'sent';
  }
  if (result.outcome === 'refused') {
    const { address: reason, error } = result;
    // First: who dies in between finds the address suppressed at the next try.
    if (reason !== undefined) await suppressAddress(platform, send, { reason, evidence: error });
    await record(platform, handed, { state: 'failed', error });
    return 'failed';
  }
  const delayMs = retryDelayMs(platform, send.attempts + 1, result.retryAfterMs);
  const outcome: Outcome =
    delayMs === undefined
      ? { state: 'failed', error: result.error }
      : { state: 'pending', error: result.error, delayMs, tried: true };
  await record(platform, handed, outcome);
  return delayMs === undefined ? 'failed' : 'retrying';
}

async function record({ pool, log }: Platform, { send, claim }: Handed, outcome: Outcome): Promise<void> {
  for (const pauseMs of [...RECORD_PAUSES_MS, undefined]) {
    try {
      const isOurs = await recordOutcome(pool, send.id, claim, outcome);
      if (!isOurs) log.warn({ sendId: send.id, state: outcome.state }, 'a send ended after its lease was lost');
      return;
    } catch (error) {
      if (pauseMs === undefined) throw error;
      await sleep(pauseMs);
    }
  }
}

async function setBack(platform: Platform, due: DueSend, error: string): Promise<End> {
  const { pool } = platform;
  const delayMs = retryDelayMs(platform, (await attemptsOf(pool, due.id)) + 1, undefined);
  const setback: Setback = delayMs === undefined ? { state: 'failed', error } : { state: 'pending', error, delayMs };
  if (!(await recordSetback(pool, due.id, setback))) return 'left';
  return delayMs === undefined ? 'failed' : 'retrying';
}

/** The pause after so many tries; `undefined` when it is given up. */
function retryDelayMs({ settings }: Platform, tries: number, wishedMs: number | undefined): number | undefined {
  const { WAYBILL_NOTIFY_RETRIES: delays } = settings.of(notificationsConfig);
  const delayMs = delays[tries - 1];
  return delayMs === undefined ? undefined : Math.max(delayMs, wishedMs ?? 0);
}

async function endOf(platform: Platform, handed: HandOver): Promise<End> {
  // Only channels that have a wire hand anything over; a later round takes it.
  if (handed.state === 'sending') return 'left';
  if (handed.state === 'sent' && handed.event !== undefined) await deliver(platform, handed.event);
  return handed.state;
}

function deliver(platform: Platform, event: StoredEvent): Promise<void> {
  const { client, config, log, metrics } = platform;
  return deliverEvents({ client, config, log, metrics: metrics.of(conflictMetrics) }, [event]);
}
