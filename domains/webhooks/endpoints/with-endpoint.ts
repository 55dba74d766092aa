import type { Pool, PoolClient } from 'pg';
import type { PublicId } from '../../../core/ids';
import { inTransaction } from '../../../infra/postgres/pool';
import { WebhookRefusal } from '../refusals';
import { type Endpoint, lockEndpoint } from '../store/endpoints';

/** Runs work on an endpoint that is locked against other changes. @throws WebhookRefusal when there is no such endpoint */
export async function withEndpoint<T>(
  pool: Pool,
  tenantId: PublicId,
  id: PublicId,
  work: (client: PoolClient, endpoint: Endpoint) => Promise<T>,
): Promise<T> {
  return inTransaction(pool, async (client) => {
    const endpoint = await lockEndpoint(client, tenantId, id);
    if (endpoint === undefined) throw new WebhookRefusal('no-such-endpoint');
    return work(client, endpoint);
  });
}
