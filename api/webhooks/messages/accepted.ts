import type { PublishResult } from '../../../domains/webhooks';
import { Problem } from '../../http/problems';

type Accepted = Extract<PublishResult, { outcome: 'accepted' }>;

/** The result of an accepted publish. @throws Problem when a key was used before for another message */
export function accepted(result: PublishResult): Accepted {
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
