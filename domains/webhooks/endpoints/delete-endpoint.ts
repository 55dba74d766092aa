import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { WebhookRefusal } from '../refusals';
import { markEndpointDeleted } from '../store/endpoints';
import { letHeldFollow } from './let-held-follow';

/**
 * Deletes an endpoint and cancels what is held for it or waits in its backlog; other deliveries are cancelled when next due.
 *
 * @throws WebhookRefusal when there is no such endpoint
 */
export async function deleteEndpoint(platform: Platform, tenantId: PublicId, id: PublicId): Promise<void> {
  if (!(await markEndpointDeleted(platform.pool, tenantId, id))) throw new WebhookRefusal('no-such-endpoint');
  await letHeldFollow(platform, { endpointId: id, tenantId });
}
