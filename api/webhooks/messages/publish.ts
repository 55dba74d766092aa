import type { Publisher, PublishInput, PublishResult } from '../../../domains/webhooks';
import { Problem } from '../../http/problems';

/** Publishes, or ends the request when a key was used before for another message. */
export async function publishOrRefuse(
  publisher: Publisher,
  input: PublishInput,
): Promise<Extract<PublishResult, { outcome: 'accepted' }>> {
  const result = await publisher.publish(input);
  if (result.outcome === 'accepted') return result;
  const field =
    result.key === 'eventId'
      ? ({ in: 'body', pointer: '#/eventId', detail: 'was used for another message' } as const)
      : ({ in: 'header', pointer: '#/idempotency-key', detail: 'was used for another request' } as const);
  const name = result.key === 'eventId' ? 'eventId' : 'Idempotency-Key header';
  throw new Problem('idempotency-key-reuse', {
    detail: `The ${name} was used before for another message: use a new one, or repeat the request unchanged.`,
    errors: [field],
  });
}
