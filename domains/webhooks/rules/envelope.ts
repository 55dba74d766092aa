import { createHash } from 'node:crypto';

/** What distinguishes a message from another with the same key. */
export interface MessageTraits {
  eventType: string;
  channels: readonly string[];
  /** The only endpoint that it is for, if there is one. */
  endpointId?: string | undefined;
  eventId?: string | undefined;
}

/**
 * The text that is signed and sent: `{"type":…,"timestamp":…,"data":…}`, as Standard Webhooks advises.
 *
 * @param data - the event's data as JSON text, inserted unchanged
 */
export function envelope(eventType: string, createdAt: Date, data: string): string {
  return `{"type":${JSON.stringify(eventType)},"timestamp":"${createdAt.toISOString()}","data":${data}}`;
}

/**
 * What a repeated key must repeat, as SHA-256 in hex: all but the `Idempotency-Key` and the moment of expiry. It is
 * stored with the keys, so another formula would turn repetitions into conflicts.
 */
export function fingerprint(message: MessageTraits, data: string): string {
  const { eventType, channels, endpointId, eventId } = message;
  const traits = [eventType, [...channels].sort(), endpointId ?? null, eventId ?? null];
  return createHash('sha256').update(JSON.stringify(traits)).update(data).digest('hex');
}
