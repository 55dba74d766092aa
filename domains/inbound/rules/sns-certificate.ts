import { X509Certificate } from 'node:crypto';

/**
 * The names that certificates of SNS have: one for all regions, and others for China, the US government, and regions that
 * have to be enabled.
 */
const COMMON_NAME = /^sns(?:-signing\.[a-z0-9-]+|-[a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?$/;
const MIN_BITS = 2_048;

/** The key of a certificate of SNS. */
export interface SigningKey {
  /** DER of its SubjectPublicKeyInfo. */
  key: Buffer;
  /** When the certificate ends, in milliseconds since the epoch. */
  validUntilMs: number;
}

/**
 * Reads a certificate that came from a host of SNS.
 *
 * @param pem - the first certificate in it counts
 * @returns `undefined` when it is none, is not SNS's, is not valid now, or has no RSA key of at least 2,048 bits
 */
export function signingKeyOf(pem: string, nowMs: number): SigningKey | undefined {
  try {
    const certificate = new X509Certificate(pem);
    const names = certificate.subject.split('\n').flatMap((line) => (line.startsWith('CN=') ? [line.slice(3)] : []));
    const validUntilMs = Date.parse(certificate.validTo);
    const { publicKey } = certificate;
    const isUsable =
      names.length === 1 &&
      COMMON_NAME.test(names[0] ?? '') &&
      Date.parse(certificate.validFrom) <= nowMs &&
      nowMs < validUntilMs &&
      publicKey.asymmetricKeyType === 'rsa' &&
      (publicKey.asymmetricKeyDetails?.modulusLength ?? 0) >= MIN_BITS;
    return isUsable ? { key: publicKey.export({ type: 'spki', format: 'der' }), validUntilMs } : undefined;
  } catch {
    return undefined;
  }
}
