import type { PublicId } from '../../../core/ids';
import type { LeasedDelivery } from '../delivery/leased-delivery';
import type { LimitedRound, RoundRates } from './limited-round';

/** For an endpoint that takes one at a time: each attempt asks for its own permit, so that none takes what others need. */
export class PermitsOneByOne implements LimitedRound {
  #attempted = false;

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
    return this.waitMs > 0;
  }

  get waitMs(): number {
    return this.rates.waitMs({ id: this.endpointId, version: this.version });
  }

  get explainsBounce(): boolean {
    return this.refused;
  }

  /** Once in a round the head is leased even so: it has a due time from then on, which says that it waits for the limit. */
  async take(wanted: number): Promise<number> {
    return this.#attempted && this.refused ? 0 : Math.min(wanted, 1);
  }

  permitted(delivery: LeasedDelivery): LeasedDelivery {
    this.#attempted = true;
    this.version = Math.max(this.version, delivery.endpointVersion);
    return delivery;
  }

  giveBack(): void {}
}
