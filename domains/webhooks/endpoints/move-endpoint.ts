import type { Pool } from 'pg';
import type { PublicId } from '../../../core/ids';
import { WebhookRefusal } from '../refusals';
import { changeEndpointState, type Endpoint, type EndpointState } from '../store/endpoints';
import { withEndpoint } from './with-endpoint';

/**
 * Moves an endpoint to a state; one already in it stays as it is. To enable one, see `enable-endpoint.ts`.
 *
 * @throws WebhookRefusal when there is no such endpoint, or a disabled one is to be paused
 */
export async function moveEndpoint(
  pool: Pool,
  tenantId: PublicId,
  id: PublicId,
  to: { state: EndpointState; reason?: string | undefined },
): Promise<Endpoint> {
  return withEndpoint(pool, tenantId, id, async (client, endpoint) => {
    if (endpoint.state === to.state) return endpoint;
    if (endpoint.state === 'disabled' && to.state === 'paused') {
      // It would get messages again, which nobody asked for.
      throw new WebhookRefusal('endpoint-disabled', 'A disabled endpoint gets no messages to hold: enable it first.');
    }
    return changeEndpointState(client, endpoint, to.state, to.reason);
  });
}
