import type { ExpectedVersion } from '../../../core/expected-version';
import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { WebhookRefusal } from '../refusals';
import { findEndpoint, markEndpointDeleted } from '../store/endpoints';
import { changedMeanwhile } from './change-endpoint';
import { letHeldFollow } from './let-held-follow';

/**
 * Deletes an endpoint and cancels what is held for it or waits in its backlog; other deliveries are cancelled when next due.
 *
 * @throws WebhookRefusal when there is no such endpoint, or it is none of the expected revisions
 */
export async function deleteEndpoint(
  platform: Platform,
  tenantId: PublicId,
  id: PublicId,
  expected?: ExpectedVersion,
): Promise<void> {
  if (!(await markEndpointDeleted(platform.pool, tenantId, id, expected))) {
    const endpoint = await findEndpoint(platform.pool, tenantId, id);
    throw endpoint === undefined ? new WebhookRefusal('no-such-endpoint') : changedMeanwhile(endpoint);
  }
  await letHeldFollow(platform, { endpointId: id, tenantId });
}
