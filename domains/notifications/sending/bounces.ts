import type { Platform } from '../../../infra/platform/platform';
import { suppressBounced } from '../../preferences';
import type { LockedSend } from '../store/hand-over';

/** Suppresses the address of a send that its server has refused for good. What waits for it is suppressed in its turn. */
export async function suppressAddress(
  platform: Platform,
  { tenantId, subscriberId, destinationId, id }: LockedSend,
  { reason, evidence }: { reason: 'bounce' | 'invalid'; evidence: string },
): Promise<void> {
  if (destinationId === undefined) return;
  try {
    await suppressBounced(platform, { tenantId, subscriberId, destinationId, reason });
    platform.log.info({ sendId: id, reason, evidence }, 'an address that does not work is suppressed');
  } catch (error) {
    platform.log.error({ err: error, sendId: id, reason }, 'an address that does not work was not suppressed');
  }
}
