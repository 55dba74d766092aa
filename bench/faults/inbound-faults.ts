import { setTimeout as sleep } from 'node:timers/promises';
import { auditInbound, type InboundAudit, untilProcessed } from '../inbound/inbound-audit';
import { addSource, type BenchSource, signedHeaders } from '../inbound/sender';
import { progress } from '../kit/progress';
import { type Stack, startStack } from '../kit/stack';
import { Supervised } from '../kit/supervised';

/** What is done to inbound webhooks, and for how long. Times in milliseconds. */
export interface InboundFaultPlan {
  /** Senders, each with one webhook after the other. */
  senders: number;
  /** Load before each kill, between kill and restart, and after the restart. */
  beforeMs: number;
  downMs: number;
  afterMs: number;
  /** How long to wait for every event to be processed. */
  settleWithinMs: number;
}

export const QUICK_INBOUND_FAULTS: InboundFaultPlan = {
  senders: 8,
  beforeMs: 1_500,
  downMs: 1_500,
  afterMs: 2_000,
  settleWithinMs: 90_000,
};
export const FULL_INBOUND_FAULTS: InboundFaultPlan = {
  senders: 16,
  beforeMs: 5_000,
  downMs: 4_000,
  afterMs: 6_000,
  settleWithinMs: 180_000,
};

export interface InboundFaultReport {
  /** Processes that were killed, in order; those with a plus together. */
  kills: string[];
  /** Webhooks that were answered 2xx in the end; and of these, those that Waybill does not have. */
  acknowledged: number;
  lost: number;
  /** Requests that ended without an answer, or with an error, and were repeated with their id. */
  repeated: number;
  audit: InboundAudit;
  sound: boolean;
}

const EVENT_TYPE = 'bench.inbound-fault';
const REQUEST_WITHIN_MS = 5_000;
const PAUSE_MS = 250;

/**
 * Kills API, worker, Temporal and Postgres while senders deliver webhooks, which repeat what was not answered. Afterwards
 * every webhook that was answered is one event, and every event one message.
 */
export async function runInboundFaults(plan: InboundFaultPlan, signal: AbortSignal): Promise<InboundFaultReport> {
  const env = { WAYBILL_SWEEP_INTERVAL: '5s', WAYBILL_INBOUND_SWEEP_GRACE: '3s' };
  const stack = await startStack({ env, signal });
  let keep = true;
  try {
    const supervise = (name: string, target: ConstructorParameters<typeof Supervised>[1]) =>
      new Supervised(name, target, signal);
    const api = supervise('api', stack.api);
    const worker = supervise('worker', stack.worker);
    const temporal = supervise('temporal', stack.servers.temporal);
    const postgres = supervise('postgres', stack.servers.postgres);
    const strikes = [[api], [worker], [api, worker], [temporal], [postgres], [worker, postgres]];

    const source = await addSource(stack, EVENT_TYPE);
    const senders = Array.from({ length: plan.senders }, (_, number) => new Sender(stack, source, number, signal));
    const loads = senders.map((sender) => sender.run());
    for (const victims of strikes) {
      await sleep(plan.beforeMs, undefined, { signal });
      progress(`inbound: kill -9 of ${victims.map(({ name }) => name).join(' and ')}`);
      await Promise.all(victims.map((victim) => victim.kill()));
      await sleep(plan.downMs, undefined, { signal });
      await Promise.all(victims.map((victim) => victim.start()));
      await sleep(plan.afterMs, undefined, { signal });
    }
    for (const sender of senders) sender.stop();
    await Promise.all(loads);
    await untilProcessed(stack.pool, plan.settleWithinMs, signal);

    const audit = await auditInbound(stack.pool, EVENT_TYPE);
    const acknowledged = senders.flatMap((sender) => sender.acknowledged);
    const { rows } = await stack.pool.query<{ kept: number }>(
      'SELECT count(*)::int AS kept FROM inbound_events WHERE external_id = ANY ($1::text[])',
      [acknowledged],
    );
    const lost = acknowledged.length - (rows[0]?.kept ?? 0);
    const { open, failed, wrong, events, messages } = audit;
    const sound = lost === 0 && open + failed + wrong === 0 && events === messages && events >= acknowledged.length;
    keep = !sound;
    return {
      kills: strikes.map((victims) => victims.map(({ name }) => name).join('+')),
      acknowledged: acknowledged.length,
      lost,
      repeated: senders.reduce((sum, { repeated }) => sum + repeated, 0),
      audit,
      sound,
    };
  } finally {
    await stack.stop(keep && !signal.aborted);
  }
}

/** Somebody who sends one webhook after the other, and repeats each until it is answered. */
class Sender {
  readonly acknowledged: string[] = [];
  repeated = 0;
  #stopped = false;

  constructor(
    private readonly stack: Stack,
    private readonly source: BenchSource,
    private readonly number: number,
    private readonly signal: AbortSignal,
  ) {}

  stop(): void {
    this.#stopped = true;
  }

  async run(): Promise<void> {
    for (let sequence = 0; !this.#stopped; sequence++) {
      const id = `evt_${this.number}_${sequence}`;
      while (!(await this.#isTaken(id))) {
        this.repeated++;
        await sleep(PAUSE_MS, undefined, { signal: this.signal });
      }
      this.acknowledged.push(id);
    }
  }

  async #isTaken(id: string): Promise<boolean> {
    this.signal.throwIfAborted();
    const body = JSON.stringify({ id });
    try {
      const response = await fetch(`http://127.0.0.1:${this.stack.apiPort}/v1/inbound/${this.source.id}`, {
        method: 'POST',
        headers: signedHeaders(this.source, id, body),
        body,
        signal: AbortSignal.timeout(REQUEST_WITHIN_MS),
      });
      await response.text();
      return response.ok;
    } catch {
      return false;
    }
  }
}
