import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { openBacklogs } from '../backlog/open-backlogs';
import { webhooksConfig } from '../config';
import { openDispatch } from '../delivery/open-dispatch';

/**
 * Goes on with the line of an ordered endpoint whose head may have left it by a command: in this process, where it may
 * send, else in the endpoint's workflow. Does nothing where nothing waits.
 */
export function goOnInOrder(platform: Platform, ordered: { endpointId: PublicId; tenantId: PublicId }): void {
  const { endpointId, tenantId } = ordered;
  if (platform.settings.of(webhooksConfig).WAYBILL_FIRST_ATTEMPT === 'api') {
    openDispatch(platform).ordered.run(endpointId);
  } else {
    openBacklogs(platform).tell({ endpointId, tenantId });
  }
}
