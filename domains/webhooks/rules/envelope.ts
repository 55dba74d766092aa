import { createHash } from 'node:crypto';
import { canonicalJsonText } from '../../../core/json/canonical-text';
import { membersOf } from '../../../core/json/members';

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

/** The data of an envelope, as it was inserted. */
export function dataOf(envelope: string): string {
  const data = membersOf(envelope)?.find(({ name }) => name === 'data');
  if (data === undefined) throw new Error('a stored message is no envelope');
  return envelope.slice(data.from, data.to);
}

/**
 * What a repeated key must repeat, as SHA-256 in hex: all but the `Idempotency-Key` and the moment of expiry. The data
 * counts by what it says, not by how it is written. It is stored with the keys: see {@link isRepetition}.
 *
 * @param data - the event's data as JSON text
 */
export function fingerprint(message: MessageTraits, data: string): string {
  return hashOf(SECOND_FORMULA, message, canonicalJsonText(data));
}

/**
 * Whether a message repeats the one that a key was first used for.
 *
 * @param stored - that one's fingerprint, by any formula that was ever used
 */
export function isRepetition(stored: string, message: MessageTraits, data: string): boolean {
  return stored === fingerprint(message, data) || stored === firstFingerprint(message, data);
}

/** The formula of versions up to 0.2, which parsed data and printed it again. Keys live as long as their messages. */
function firstFingerprint(message: MessageTraits, data: string): string {
  return hashOf(FIRST_FORMULA, message, JSON.stringify(JSON.parse(data)));
}

const FIRST_FORMULA = '';
/** Without it, data might have the fingerprint that other data has by the first formula. */
const SECOND_FORMULA = '2';

function hashOf(formula: string, message: MessageTraits, data: string): string {
  const { eventType, channels, endpointId, eventId } = message;
  const traits = [eventType, [...channels].sort(), endpointId ?? null, eventId ?? null];
  return createHash('sha256')
    .update(`${formula}${JSON.stringify(traits)}`)
    .update(data)
    .digest('hex');
}
