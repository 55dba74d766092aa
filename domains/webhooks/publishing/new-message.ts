import { newId, newIdAt, timeOfId } from '../../../core/ids';
import { envelope, fingerprint } from '../rules/envelope';
import { matchingPatterns } from '../rules/event-type';
import { eventKey, isOperational } from '../rules/system-events';
import type { NewMessage } from '../store/publish';
import type { PublishInput } from './publisher';

/** Prepares a message for storing: its id, the text to send, and the keys that keep it from being stored twice. */
export function newMessage(input: PublishInput, atMs?: number): NewMessage {
  const id = atMs === undefined ? newId('msg') : newIdAt('msg', atMs);
  const createdAt = new Date(timeOfId(id));
  const keys = [];
  if (input.eventId !== undefined) keys.push(eventKey(input.eventType, input.eventId));
  if (input.idempotencyKey !== undefined) keys.push(`request:${input.idempotencyKey}`);
  return {
    id,
    tenantId: input.tenantId,
    eventType: input.eventType,
    patterns: patternsOf(input.eventType),
    eventId: input.eventId,
    channels: input.channels,
    body: envelope(input.eventType, createdAt, input.data),
    contentExpiresAt: input.contentExpiresAt,
    createdAt,
    keys,
    fingerprint: keys.length === 0 ? '' : fingerprint(input, input.data),
    onlyEndpointId: input.endpointId,
  };
}

/** The subscriptions that get it. */
function patternsOf(eventType: string): string[] {
  const patterns = matchingPatterns(eventType);
  return isOperational(eventType) ? patterns.filter((pattern) => pattern !== '*') : patterns;
}
