import { createHash, createHmac, createPublicKey, createVerify, type KeyObject, timingSafeEqual } from 'node:crypto';

/** How a signature is proven: with a secret that both sides know, or with the public half of a key. */
export type Proof = 'hmac-sha256' | 'password' | 'ecdsa-sha256' | 'rsa-sha1' | 'rsa-sha256';

/** Says of one signature whether the key made it. */
type Check = (signature: Buffer) => boolean;

const CHECKS: Readonly<Record<Proof, (key: Buffer, signed: readonly (string | Buffer)[]) => Check>> = {
  'hmac-sha256': (key, signed) => {
    const mac = createHmac('sha256', key);
    for (const piece of signed) mac.update(piece);
    const expected = mac.digest();
    return (signature) => signature.length === expected.length && timingSafeEqual(signature, expected);
  },
  // Hashed, so that they are of one length.
  password: (key) => {
    const expected = hashOf(key);
    return (password) => timingSafeEqual(hashOf(password), expected);
  },
  'ecdsa-sha256': (key, signed) => byPublicKey(key, 'ec', 'sha256', signed),
  'rsa-sha1': (key, signed) => byPublicKey(key, 'rsa', 'sha1', signed),
  'rsa-sha256': (key, signed) => byPublicKey(key, 'rsa', 'sha256', signed),
};

/**
 * What checks signatures over pieces of content.
 *
 * @param key - the secret's bytes; for `ecdsa-…` and `rsa-…` a public key, as DER of its SubjectPublicKeyInfo
 */
export function checkerOf(proof: Proof, key: Buffer, signed: readonly (string | Buffer)[]): Check {
  return CHECKS[proof](key, signed);
}

/** A public key of this kind; `undefined` when the bytes are none. */
export function publicKeyOf(der: Buffer, kind: 'ec' | 'rsa'): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    return key.asymmetricKeyType === kind ? key : undefined;
  } catch {
    return undefined;
  }
}

function byPublicKey(der: Buffer, kind: 'ec' | 'rsa', hash: string, signed: readonly (string | Buffer)[]): Check {
  const key = publicKeyOf(der, kind);
  if (key === undefined) return () => false;
  return (signature) => {
    const verifier = createVerify(hash);
    for (const piece of signed) verifier.update(piece);
    return verifier.verify(key, signature);
  };
}

function hashOf(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
