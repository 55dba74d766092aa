import type { PublicId } from '../../../core/ids';
import type { LeasedDelivery } from '../delivery/leased-delivery';
import type { LimitedRound, RoundRates } from './limited-round';

/** For an endpoint that takes one at a time: each attempt asks for its own permit, so that none takes what others need. */
export class PermitsOneByOne implements LimitedRound {
  /** When the last attempt was begun, as `performance.now()` says it. */
  #attemptedAt: number | undefined;
  #refused = false;

  /** @param version - the endpoint's, as far as is known when the round begins */
  constructor(
    private readonly rates: RoundRates,
    private readonly endpointId: PublicId,
    private version: number,
  ) {}

  get limited(): boolean {
    return this.rates.mayLimit(this.endpointId);
  }

  get refused(): boolean {
    return this.#refused || this.waitMs > 0;
  }

  get waitMs(): number {
    return this.rates.waitMs({ id: this.endpointId, version: this.version });
  }

  /** Once in a round the head is leased even so: it has a due time from then on, which says that it waits for the limit. */
  async take(wanted: number): Promise<number> {
    return this.#attemptedAt !== undefined && this.waitMs > 0 ? 0 : Math.min(wanted, 1);
  }

  permitted(delivery: LeasedDelivery): LeasedDelivery {
    this.#attemptedAt = performance.now();
    this.#refused = false;
    this.version = Math.max(this.version, delivery.endpointVersion);
    return delivery;
  }

  /** Also when the limit has given way since, as on a slow machine. */
  bounced(): boolean {
    const endpoint = { id: this.endpointId, version: this.version };
    this.#refused = this.rates.wasUsedUp(endpoint, this.#attemptedAt ?? performance.now());
    return this.#refused;
  }

  giveBack(): void {}
}
