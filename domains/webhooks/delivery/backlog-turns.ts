import { LRUCache } from 'lru-cache';
import type { PublicId } from '../../../core/ids';
import { createSharedTurns, type SharedTurns } from '../../../core/shared-turns';
import { LANES } from '../rules/lane';
import type { LeasedDelivery } from './leased-delivery';

const MAX_ENDPOINTS = 10_000;

/** Which lanes of an endpoint's backlog are leased from first. */
export interface BacklogTurns {
  /** The numbers of the lanes, the first first. */
  order(endpointId: PublicId): readonly number[];
  /** Tells what was leased in this order. */
  took(endpointId: PublicId, leased: readonly Pick<LeasedDelivery, 'lane'>[]): void;
}

/**
 * The most urgent lane is leased from first, but a lane from which nothing came for some leases, one after the other, goes
 * first for once. Whether it has anything is not asked: if it has not, the others get all the same.
 */
export function createBacklogTurns(): BacklogTurns {
  const byEndpoint = new LRUCache<PublicId, SharedTurns>({ max: MAX_ENDPOINTS });
  const turnsOf = (endpointId: PublicId) => {
    const known = byEndpoint.get(endpointId);
    if (known !== undefined) return known;
    const turns = createSharedTurns();
    byEndpoint.set(endpointId, turns);
    return turns;
  };
  return {
    order: (endpointId) => turnsOf(endpointId).order(),
    took(endpointId, leased) {
      const turns = turnsOf(endpointId);
      const [asked = 0] = turns.order();
      const served = new Set(leased.map(({ lane = 'normal' }) => LANES.indexOf(lane)));
      turns.took(asked, (lane) => !served.has(lane));
    },
  };
}
