import type { Pool } from 'pg';
import type { PublicId } from '../../../core/ids';
import type { Effect } from '../../../infra/postgres/effect';
import type { Publisher, PublishResult } from '../publishing/publisher';
import { WebhookRefusal } from '../refusals';
import { TEST_EVENT_TYPE } from '../rules/system-events';
import { findEndpoint } from '../store/endpoints';

/**
 * Publishes a test event to one endpoint alone, whatever it subscribes to.
 *
 * @throws WebhookRefusal when there is no such endpoint, or it is disabled
 */
export async function testEndpoint(
  { pool, publisher }: { pool: Pool; publisher: Publisher },
  { tenantId, effectId }: Pick<Effect, 'tenantId' | 'effectId'>,
  { endpointId, data }: { endpointId: PublicId; data: string },
): Promise<PublishResult> {
  const endpoint = await findEndpoint(pool, tenantId, endpointId);
  if (endpoint === undefined) throw new WebhookRefusal('no-such-endpoint');
  if (endpoint.state === 'disabled') {
    throw new WebhookRefusal('endpoint-disabled', 'A disabled endpoint gets no messages: enable it first.');
  }
  return publisher.publish({
    tenantId,
    eventType: TEST_EVENT_TYPE,
    data,
    // An endpoint with channels gets only messages that share one.
    channels: endpoint.channels,
    endpointId,
    idempotencyKey: effectId,
  });
}
