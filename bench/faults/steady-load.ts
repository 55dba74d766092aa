import { clockMs } from '../kit/clock';
import type { Connections } from '../kit/connections';
import type { RequestMaker } from '../kit/request';

/** A message that was acknowledged: when, and as what. */
export interface Acknowledged {
  sequence: number;
  /** When it was first due, on the run's clock. */
  scheduledAt: number;
  acknowledgedAt: number;
  messageId: string;
  deliveryIds: string[];
}

export interface SteadyLoadOptions {
  connections: Connections;
  /** Must give each message an event id, so that publishing it again is a duplicate. */
  request: RequestMaker;
  step: number;
  perSecond: number;
  signal: AbortSignal;
}

/** What a publisher does while its server is away: try again, for a while. */
const RETRY_PAUSE_MS = 200;
/** After a while it tries less often: thousands of messages may be waiting. */
const SELDOM_AFTER_MS = 5_000;
const SELDOM_PAUSE_MS = 1_000;
const GIVE_UP_AFTER_MS = 20_000;
/** 4xx answers that are worth a retry; all others are final. */
const WORTH_A_RETRY = new Set([408, 425, 429]);

/** Publishes at a constant rate, whatever happens, each message until it is acknowledged or given up. */
export class SteadyLoad {
  readonly acknowledged: Acknowledged[] = [];
  /** Not acknowledged in time: nothing is promised for these. */
  givenUp = 0;
  /** Answered with a 4xx that says that the request is wrong. */
  readonly refused = new Map<number, number>();
  sent = 0;
  /** Requests retried. */
  retries = 0;
  readonly beganAt = clockMs();
  #timer: NodeJS.Timeout | undefined;
  #open = 0;
  #idle: (() => void)[] = [];

  constructor(private readonly options: SteadyLoadOptions) {
    this.#tick();
  }

  /** Messages that are neither acknowledged nor given up. */
  get waiting(): number {
    return this.#open;
  }

  /** Sends no further message. Resolves when each that was sent is acknowledged, refused or given up. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#open === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #tick(): void {
    const interval = 1_000 / this.options.perSecond;
    for (const now = clockMs(); this.beganAt + this.sent * interval <= now; this.sent++) {
      this.#open++;
      this.#try(this.sent, this.beganAt + this.sent * interval);
    }
    this.#timer = setTimeout(() => this.#tick(), this.beganAt + this.sent * interval - clockMs());
  }

  #try(sequence: number, scheduledAt: number): void {
    const { connections, request, step } = this.options;
    connections.send(request(step, sequence), (status, body) => {
      if (status === 202) {
        const { id, deliveries } = JSON.parse(body) as { id: string; deliveries: { id: string }[] };
        const deliveryIds = deliveries.map((delivery) => delivery.id);
        this.acknowledged.push({ sequence, scheduledAt, acknowledgedAt: clockMs(), messageId: id, deliveryIds });
        this.#settled();
      } else if (status >= 400 && status < 500 && !WORTH_A_RETRY.has(status)) {
        this.refused.set(status, (this.refused.get(status) ?? 0) + 1);
        this.#settled();
      } else if (clockMs() - scheduledAt > GIVE_UP_AFTER_MS || this.options.signal.aborted) {
        this.givenUp++;
        this.#settled();
      } else {
        this.retries++;
        const pause = clockMs() - scheduledAt > SELDOM_AFTER_MS ? SELDOM_PAUSE_MS : RETRY_PAUSE_MS;
        setTimeout(() => this.#try(sequence, scheduledAt), pause);
      }
    });
  }

  #settled(): void {
    this.#open--;
    if (this.#open === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }
}
