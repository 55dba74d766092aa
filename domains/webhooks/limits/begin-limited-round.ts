import type { PublicId } from '../../../core/ids';
import type { LimitedRound, RoundRates } from './limited-round';
import { PermitsOneByOne } from './permits-one-by-one';
import { PermitsTogether } from './permits-together';

/** @param orderedVersion - the endpoint's version if it takes one at a time; undefined for any other */
export function beginLimitedRound(
  rates: RoundRates,
  endpointId: PublicId,
  orderedVersion: number | undefined,
): LimitedRound {
  return orderedVersion === undefined
    ? new PermitsTogether(rates, endpointId)
    : new PermitsOneByOne(rates, endpointId, orderedVersion);
}
