import type { Pool } from 'pg';
import type { PublicId } from '../../../core/ids';
import { changeEndpointState, type Endpoint, type EndpointState } from '../store/endpoints';
import { withEndpoint } from './with-endpoint';

/**
 * Moves an endpoint to a state; one already in it stays as it is. To enable one, see `enable-endpoint.ts`.
 *
 * @throws WebhookRefusal when there is no such endpoint
 */
export async function moveEndpoint(
  pool: Pool,
  tenantId: PublicId,
  id: PublicId,
  to: { state: EndpointState; reason?: string | undefined },
): Promise<Endpoint> {
  return withEndpoint(pool, tenantId, id, async (client, endpoint) =>
    endpoint.state === to.state ? endpoint : changeEndpointState(client, endpoint, to.state, to.reason),
  );
}
