import { createFairLimit } from '../../../core/fair-limit';
import type { PublicId } from '../../../core/ids';
import type { PaymentDeps } from '../deps';
import type { CarriedOn, CarryOnOptions } from '../rules/payment-flow';
import { carryOn } from './carry-on';

/** As many at once keep a provider that is back from an outage busy without flooding it. */
const AT_ONCE = 8;

/** None is begun later than this after the first: the others wait for the next round. */
const BEGIN_WITHIN_MS = 60_000;

/** Carries on with several payments, as {@link carryOn} does with one. @returns in their order */
export async function carryOnPayments(
  deps: PaymentDeps,
  paymentIds: readonly PublicId[],
  options: CarryOnOptions,
): Promise<CarriedOn[]> {
  const limit = createFairLimit(AT_ONCE);
  const until = Date.now() + BEGIN_WITHIN_MS;
  return Promise.all(
    paymentIds.map((id) =>
      limit.run('', async (): Promise<CarriedOn> => {
        return Date.now() < until ? carryOn(deps, id, options) : { outcome: 'waiting', story: [] };
      }),
    ),
  );
}
