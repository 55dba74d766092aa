import { newId, timeOfId } from '../../../core/ids';
import { envelope, fingerprint } from '../rules/envelope';
import { matchingPatterns } from '../rules/event-type';
import type { NewMessage } from '../store/publish';
import type { PublishInput } from './publisher';

/** Makes a message that is to be stored: its id, the text that is sent, and what it must not be stored twice by. */
export function newMessage(input: PublishInput): NewMessage {
  const id = newId('msg');
  const createdAt = new Date(timeOfId(id));
  const data = JSON.stringify(input.payload);
  const keys = [];
  if (input.eventId !== undefined) keys.push(`event:${input.eventId}`);
  if (input.idempotencyKey !== undefined) keys.push(`request:${input.idempotencyKey}`);
  return {
    id,
    tenantId: input.tenantId,
    eventType: input.eventType,
    patterns: matchingPatterns(input.eventType),
    eventId: input.eventId,
    channels: input.channels,
    body: envelope(input.eventType, createdAt, data),
    contentExpiresAt: input.contentExpiresAt,
    createdAt,
    keys,
    fingerprint: keys.length === 0 ? '' : fingerprint(input, data),
    onlyEndpointId: input.endpointId,
  };
}
