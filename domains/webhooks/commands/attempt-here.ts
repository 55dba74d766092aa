import type { Platform } from '../../../infra/platform/platform';
import { webhooksConfig } from '../config';
import type { DueDelivery } from '../delivery/lease-desk';
import { openDispatch } from '../delivery/open-dispatch';

/**
 * Begins an attempt of a due delivery in this process, as for first attempts, where this process may send: who gave the
 * command waits for nothing else that is going on. Its workflow attempts it if this does not.
 *
 * @returns whether it was begun
 */
export function attemptHere(platform: Platform, { id, tenantId, endpointId }: DueDelivery): boolean {
  if (platform.settings.of(webhooksConfig).WAYBILL_FIRST_ATTEMPT !== 'api') return false;
  openDispatch(platform)
    .engine.attemptDue({ id, tenantId, endpointId }, { wanted: () => true, insist: true })
    .catch((error: unknown) =>
      platform.log.warn({ err: error, deliveryId: id }, 'could not attempt a delivery at once'),
    );
  return true;
}
