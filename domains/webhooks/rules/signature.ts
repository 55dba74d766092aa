import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** How far `webhook-timestamp` may be from the receiver's clock, either way (Standard Webhooks). */
export const TIMESTAMP_TOLERANCE_SECONDS = 300;

const SECRET_PREFIX = 'whsec_';

/** Makes a new signing secret: `whsec_` and 32 random bytes in base64. */
export function newSecret(): string {
  return SECRET_PREFIX + randomBytes(32).toString('base64');
}

/**
 * The key bytes of a `whsec_` secret.
 *
 * @returns `undefined` unless it is `whsec_` and base64 of 24 to 64 bytes, as Standard Webhooks asks
 */
export function parseSecret(secret: string): Buffer | undefined {
  if (!secret.startsWith(SECRET_PREFIX)) return undefined;
  const encoded = secret.slice(SECRET_PREFIX.length);
  const key = Buffer.from(encoded, 'base64');
  const canonical = key.toString('base64');
  const same = canonical === encoded || canonical.replace(/=+$/, '') === encoded;
  return same && key.length >= 24 && key.length <= 64 ? key : undefined;
}

/**
 * The `webhook-signature` header: one `v1,<base64 HMAC-SHA256 of id.timestamp.body>` per key, separated by spaces.
 *
 * @param keys - key bytes from {@link parseSecret}; more than one while a secret rotates
 * @param timestamp - seconds since the epoch, as sent in `webhook-timestamp`
 * @param body - the exact text of the request's body
 */
export function sign(keys: readonly Buffer[], id: string, timestamp: number, body: string): string {
  const signed = `${id}.${timestamp}.${body}`;
  let header = '';
  for (const key of keys) {
    header += `${header === '' ? '' : ' '}v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
  }
  return header;
}

export interface SignedRequest {
  secret: string;
  headers: { id: string; timestamp: string; signature: string };
  /** The exact text of the request's body, before any parsing. */
  body: string;
  /** The receiver's clock in milliseconds; by default the machine's. */
  nowMs?: number;
}

export type Verification = { ok: true } | { ok: false; reason: 'malformed' | 'stale' | 'wrong-signature' };

/** Checks a received webhook as Standard Webhooks says: timestamp within five minutes, any `v1` signature correct. */
export function verifySignature(request: SignedRequest): Verification {
  const { id, timestamp, signature } = request.headers;
  const key = parseSecret(request.secret);
  if (key === undefined || id === '' || !/^\d{1,12}$/.test(timestamp)) return { ok: false, reason: 'malformed' };
  const age = (request.nowMs ?? Date.now()) / 1000 - Number(timestamp);
  if (Math.abs(age) > TIMESTAMP_TOLERANCE_SECONDS) return { ok: false, reason: 'stale' };
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${request.body}`).digest();
  const right = signature.split(' ').some((part) => {
    if (!part.startsWith('v1,')) return false;
    const given = Buffer.from(part.slice(3), 'base64');
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
  return right ? { ok: true } : { ok: false, reason: 'wrong-signature' };
}
