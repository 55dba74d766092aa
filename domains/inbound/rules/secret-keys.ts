import { bytesOf } from './base64';
import { publicKeyOf } from './proofs';
import type { Scheme } from './schemes';

const STANDARD_PREFIX = 'whsec_';
/** A user's name, which has no colon, and a password. */
const CREDENTIALS = /^[^:]+:.+$/;

/**
 * The key that a secret stands for: of Standard Webhooks the decoded bytes behind `whsec_`; of SendGrid, whose "secret" is a
 * public key, its DER; of all others the bytes of its text, Stripe's `whsec_…` included.
 *
 * @returns `undefined` for a secret that the scheme cannot have
 */
export function keyOf(scheme: Scheme, secret: string): Buffer | undefined {
  switch (scheme) {
    case 'standard-webhooks':
      return standardKey(secret);
    case 'sendgrid':
      return curveKey(secret);
    case 'basic-auth':
      return CREDENTIALS.test(secret) ? Buffer.from(secret, 'utf8') : undefined;
    case 'sns':
      return undefined;
    case 'stripe':
    case 'github':
    case 'shopify':
    case 'hmac-hex':
    case 'hmac-base64':
    case 'mailgun':
      return secret.length === 0 ? undefined : Buffer.from(secret, 'utf8');
  }
}

/** What a scheme's secrets look like, for whoever gave another one. */
export function secretForm(scheme: Scheme): string {
  switch (scheme) {
    case 'standard-webhooks':
      return 'whsec_ and base64 of 24 to 64 bytes';
    case 'sendgrid':
      return 'the verification key that SendGrid shows: base64 of a public key on the curve P-256';
    case 'basic-auth':
      return 'a user name and a password, with a colon between them';
    case 'sns':
      return 'none: messages of SNS are verified by its certificate';
    case 'stripe':
    case 'github':
    case 'shopify':
    case 'hmac-hex':
    case 'hmac-base64':
    case 'mailgun':
      return 'a text';
  }
}

function standardKey(secret: string): Buffer | undefined {
  if (!secret.startsWith(STANDARD_PREFIX)) return undefined;
  const encoded = secret.slice(STANDARD_PREFIX.length).replace(/=+$/, '');
  const key = Buffer.from(encoded, 'base64');
  const same = key.toString('base64').replace(/=+$/, '') === encoded;
  return same && key.length >= 24 && key.length <= 64 ? key : undefined;
}

function curveKey(secret: string): Buffer | undefined {
  const der = bytesOf(secret);
  const key = der === undefined ? undefined : publicKeyOf(der, 'ec');
  return key?.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? der : undefined;
}
