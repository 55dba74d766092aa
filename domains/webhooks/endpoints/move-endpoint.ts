import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { tryBacklogNow } from '../backlog/try-backlog-now';
import { tryCircuitNow } from '../circuit/open-circuits';
import { disabledEvent } from '../operational/disabled-event';
import { storingOperational } from '../operational/outbox';
import { WebhookRefusal } from '../refusals';
import { changeEndpointState, type Endpoint, type EndpointState } from '../store/endpoints';
import { letHeldFollow } from './let-held-follow';
import { withEndpoint } from './with-endpoint';

/**
 * Moves an endpoint to a state, and its held deliveries with it; one already in it stays as it is.
 *
 * @throws WebhookRefusal when there is no such endpoint, or a disabled one is to be paused
 */
export async function moveEndpoint(
  platform: Platform,
  tenantId: PublicId,
  id: PublicId,
  to: { state: EndpointState; reason?: string | undefined },
): Promise<Endpoint> {
  const moved = await storingOperational(platform, (store) =>
    withEndpoint(platform.pool, tenantId, id, async (client, endpoint) => {
      if (endpoint.state === to.state) return endpoint;
      if (endpoint.state === 'disabled' && to.state === 'paused') {
        // It would get messages again, which nobody asked for.
        throw new WebhookRefusal('endpoint-disabled', 'A disabled endpoint gets no messages to hold: enable it first.');
      }
      const changed = await changeEndpointState(client, endpoint, to.state, to.reason);
      if (to.state === 'disabled') await store(client, [disabledEvent({ ...changed, reason: to.reason })]);
      return changed;
    }),
  );
  // Even if it was in this state already: an earlier move may have been interrupted.
  const backlog = { endpointId: id, tenantId };
  if (moved.state !== 'paused') await letHeldFollow(platform, backlog);
  if (moved.state === 'enabled') await tryBacklogNow(platform, backlog);
  // Enabled, it is worth a try; else its incident is over.
  await tryCircuitNow(platform, backlog);
  return moved;
}
