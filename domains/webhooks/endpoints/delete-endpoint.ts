import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { tryBacklogNow } from '../backlog/try-backlog-now';
import { WebhookRefusal } from '../refusals';
import { markEndpointDeleted } from '../store/endpoints';
import { letHeldFollow } from './let-held-follow';

/**
 * Deletes an endpoint and cancels its held deliveries; waiting ones are cancelled when next due.
 *
 * @throws WebhookRefusal when there is no such endpoint
 */
export async function deleteEndpoint(platform: Platform, tenantId: PublicId, id: PublicId): Promise<void> {
  if (!(await markEndpointDeleted(platform.pool, tenantId, id))) throw new WebhookRefusal('no-such-endpoint');
  const backlog = { endpointId: id, tenantId };
  await letHeldFollow(platform, backlog);
  await tryBacklogNow(platform, backlog);
}
