import { createHash } from 'node:crypto';
import { textAt } from './json-pointer';
import { type EventIdFrom, headerOf, type RequestHeaders, type Verifiable } from './schemes';
import { mentions } from './template';

/** What makes an event the one that it is. */
export interface EventIdentity {
  /** The sender's id of it, for people; `undefined` where it has none that can be shown. */
  externalId: string | undefined;
  /** SHA-256: a second event of the source with this key is a repetition. */
  key: Buffer;
}

const MAX_SHOWN = 255;

/**
 * The identity of a verified event. An id that is signed, or read from the signed body, stands alone. One in a header that
 * the signature does not cover stands only together with the body: otherwise somebody with one captured request could
 * make another event look like a repetition. Without an id, body and time of signing are the identity.
 */
export function identify(
  source: Verifiable,
  { headers, body, signedAtMs }: { headers: RequestHeaders; body: Buffer; signedAtMs: number | undefined },
): EventIdentity {
  const id = idOf(source.eventId, headers, body);
  if (id === undefined || id === '')
    return { externalId: undefined, key: hashOf('body', String(signedAtMs ?? ''), body) };
  const key = isSigned(source) ? hashOf('id', id) : hashOf('unsigned', id, body);
  return { externalId: isShowable(id) ? id : undefined, key };
}

function idOf(from: EventIdFrom, headers: RequestHeaders, body: Buffer): string | undefined {
  if (from.from === 'body') return undefined;
  if (from.from === 'pointer') return textAt(body, from.pointer);
  const id = headerOf(headers, from.header);
  return id === '' && from.header === 'webhook-id' ? headerOf(headers, 'svix-id') : id;
}

function isSigned({ scheme, eventId, signing }: Verifiable): boolean {
  if (eventId.from === 'pointer') return true;
  if (eventId.from === 'body') return false;
  if (scheme === 'standard-webhooks') return eventId.header === 'webhook-id' || eventId.header === 'svix-id';
  return signing !== undefined && mentions(signing.template, 'id');
}

function isShowable(id: string): boolean {
  return id.length <= MAX_SHOWN && !/[\0\p{Surrogate}]/u.test(id);
}

/** Each part is hashed on its own first, so that no two lists of parts run together. */
function hashOf(...parts: (string | Buffer)[]): Buffer {
  const whole = createHash('sha256');
  for (const part of parts) whole.update(createHash('sha256').update(part).digest());
  return whole.digest();
}
