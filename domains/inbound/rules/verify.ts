import { type Claims, claimsOf, type SignedRequest } from './claims';
import { checkerOf } from './proofs';
import type { Verifiable } from './schemes';

export type { SignedRequest } from './claims';

/** Why a request is refused: for counting, and never for whoever sent it. */
export type Fault = 'malformed' | 'wrong-topic' | 'wrong-signature' | 'stale';

export type Verdict = { ok: true; signedAtMs: number | undefined } | { ok: false; fault: Fault };

/** Stands in for the key of a source that has none, so that the answer takes as long. */
const NO_KEYS: readonly Buffer[] = [Buffer.alloc(32)];

/**
 * Verifies that a request is from the source: its signature, over the raw body where the scheme signs that, and that it was
 * signed just now. Every key is tried against every signature, whatever has been found before, and secrets are compared in
 * constant time.
 *
 * @param keys - of all secrets that are valid now; while one rotates there are several. Of `sns` the key of the certificate
 *   that the request names, once that is known to be one of SNS
 */
export function verifyInbound(
  source: Verifiable,
  keys: readonly Buffer[],
  request: SignedRequest,
  nowMs: number,
): Verdict {
  const claims = claimsOf(source, request);
  const right = isSigned(claims ?? noClaims(request.body), keys.length === 0 ? NO_KEYS : keys);
  if (claims === undefined) return { ok: false, fault: 'malformed' };
  const { signedAtMs, topicArn } = claims;
  if (topicArn !== undefined && !source.topicArns.includes(topicArn)) return { ok: false, fault: 'wrong-topic' };
  if (!right || keys.length === 0) return { ok: false, fault: 'wrong-signature' };
  if (signedAtMs !== undefined && Math.abs(nowMs - signedAtMs) > source.toleranceMs)
    return { ok: false, fault: 'stale' };
  return { ok: true, signedAtMs };
}

/** Spends the time of a verification on a request whose source does not exist. */
export function pretendToVerify(body: Buffer): void {
  isSigned(noClaims(body), NO_KEYS);
}

function noClaims(body: Buffer): Claims {
  return { proof: 'hmac-sha256', signed: [body], signatures: [], signedAtMs: undefined };
}

function isSigned({ proof, signed, signatures }: Claims, keys: readonly Buffer[]): boolean {
  let right = false;
  for (const key of keys) {
    const isRight = checkerOf(proof, key, signed);
    for (const given of signatures) {
      if (isRight(given)) right = true;
    }
  }
  return right;
}
