import { setTimeout as sleep } from 'node:timers/promises';
import type { PublicId } from '../../../core/ids';
import type { LeasedDelivery } from '../delivery/leased-delivery';
import type { Permit, RateLimits } from './rate-limits';

/** A round waits so long itself: a timer of Temporal's may be half a second late, and costs more. */
const SHORT_WAIT_MS = 1_000;
/** The workflow comes this much earlier than the next permit, and the round waits for the rest. */
const AHEAD_MS = 700;
/** Permits become free one by one; those of so long a time are taken together. */
const GATHER_MS = 20;

/** The rate limit of the endpoint whose backlog is served. Asks only when this process has seen that there is one. */
export class LimitedRound {
  #permits: Permit[] = [];
  #fullUntil = 0;
  #asked = false;
  #cut = false;

  /** @param ordered - whether the endpoint takes one at a time: then each attempt asks, so that none takes what others need */
  constructor(
    private readonly rates: Pick<RateLimits, 'take' | 'giveBack' | 'mayLimit' | 'waitMs'>,
    private readonly endpointId: PublicId,
    private readonly ordered: boolean,
  ) {}

  /** Whether the last wish was cut, or the last attempt refused. */
  get refused(): boolean {
    return this.ordered ? this.rates.waitMs(this.endpointId) > 0 : this.#cut;
  }

  get limited(): boolean {
    return this.rates.mayLimit(this.endpointId);
  }

  /** Whether an attempt of this round has shown that there is a limit, which this round does not go by yet. */
  get learned(): boolean {
    return this.limited && !this.#asked;
  }

  /** Asks for permits. @returns how many attempts may be made now, at most as many as wanted */
  async take(wanted: number): Promise<number> {
    if (this.ordered) return Math.min(wanted, 1);
    this.#cut = false;
    if (!this.limited || wanted === 0) return wanted;
    this.#asked = true;
    const permission = await this.rates.take(this.endpointId, wanted);
    if (!permission.limited) return wanted;
    this.#permits = permission.permits;
    this.#cut = this.#permits.length < wanted;
    if (this.#cut) this.#fullUntil = performance.now() + permission.waitMs;
    return this.#permits.length;
  }

  /** The delivery with one of the permits, if it needs one. */
  permitted(delivery: LeasedDelivery): LeasedDelivery {
    const permit = this.#permits.pop();
    return permit === undefined ? delivery : { ...delivery, permit };
  }

  /** Gives back what was not used. */
  giveBack(): void {
    this.rates.giveBack(this.#permits.splice(0));
  }

  /** Milliseconds until the next permit; 0 when none was refused. */
  get waitMs(): number {
    if (this.ordered) return this.rates.waitMs(this.endpointId);
    return this.refused ? Math.max(0, Math.ceil(this.#fullUntil - performance.now())) : 0;
  }

  /** When the next round is to come, in milliseconds. */
  get wakeInMs(): number {
    return Math.max(0, this.waitMs - AHEAD_MS);
  }

  /** Waits for the next permits if they come soon. */
  async opensSoon(): Promise<boolean> {
    const waitMs = this.waitMs;
    if (waitMs > SHORT_WAIT_MS) return false;
    await sleep(waitMs + GATHER_MS);
    return true;
  }
}
