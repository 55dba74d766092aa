import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Claims, claimsOf } from './claims';
import type { RequestHeaders, Verifiable } from './schemes';

export interface SignedRequest {
  headers: RequestHeaders;
  /** The body's bytes as they came. */
  body: Buffer;
}

/** Why a request is refused: for counting, and never for whoever sent it. */
export type Fault = 'malformed' | 'wrong-signature' | 'stale';

export type Verdict = { ok: true; signedAtMs: number | undefined } | { ok: false; fault: Fault };

const NO_CLAIMS: Claims = { before: '', after: '', signatures: [], signedAtMs: undefined };
/** Stands in for the key of a source that has none, so that the answer takes as long. */
const NO_KEYS: readonly Buffer[] = [Buffer.alloc(32)];

/**
 * Verifies a request's signature over the raw body, and that it was signed just now. Every key is tried against every
 * signature, whatever has been found before, and signatures are compared in constant time.
 *
 * @param keys - of all secrets that are valid now; while one rotates there are several
 */
export function verifyInbound(
  source: Verifiable,
  keys: readonly Buffer[],
  { headers, body }: SignedRequest,
  nowMs: number,
): Verdict {
  const claims = claimsOf(source, headers);
  const right = isSigned(claims ?? NO_CLAIMS, keys.length === 0 ? NO_KEYS : keys, body);
  if (claims === undefined) return { ok: false, fault: 'malformed' };
  if (!right || keys.length === 0) return { ok: false, fault: 'wrong-signature' };
  const { signedAtMs } = claims;
  if (signedAtMs !== undefined && Math.abs(nowMs - signedAtMs) > source.toleranceMs)
    return { ok: false, fault: 'stale' };
  return { ok: true, signedAtMs };
}

/** Spends the time of a verification on a request whose source does not exist. */
export function pretendToVerify(body: Buffer): void {
  isSigned(NO_CLAIMS, NO_KEYS, body);
}

function isSigned({ before, after, signatures }: Claims, keys: readonly Buffer[], body: Buffer): boolean {
  let right = false;
  for (const key of keys) {
    const expected = createHmac('sha256', key).update(before).update(body).update(after).digest();
    for (const given of signatures) {
      if (timingSafeEqual(given, expected)) right = true;
    }
  }
  return right;
}
