import type { PublicId } from '../../../core/ids';
import type { LeasedDelivery } from '../delivery/leased-delivery';
import type { LimitedRound, RoundRates } from './limited-round';
import type { Permit } from './rate-limits';

/** Asks for the permits of many attempts in one statement, where this process has seen that there is a limit. */
export class PermitsTogether implements LimitedRound {
  #permits: Permit[] = [];
  #fullUntil = 0;
  #asked = false;
  #cut = false;

  constructor(
    private readonly rates: RoundRates,
    private readonly endpointId: PublicId,
  ) {}

  get limited(): boolean {
    return this.rates.mayLimit(this.endpointId);
  }

  get refused(): boolean {
    return this.#cut;
  }

  get waitMs(): number {
    return this.#cut ? Math.max(0, Math.ceil(this.#fullUntil - performance.now())) : 0;
  }

  /** An attempt of this round has shown that there is a limit, which this round did not go by. */
  bounced(): boolean {
    return this.limited && !this.#asked;
  }

  async take(wanted: number): Promise<number> {
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

  permitted(delivery: LeasedDelivery): LeasedDelivery {
    const permit = this.#permits.pop();
    return permit === undefined ? delivery : { ...delivery, permit };
  }

  giveBack(): void {
    this.rates.giveBack(this.#permits.splice(0));
  }
}
