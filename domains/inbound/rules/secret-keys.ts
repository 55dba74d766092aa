import type { Scheme } from './schemes';

const STANDARD_PREFIX = 'whsec_';

/**
 * The key that a secret stands for: of Standard Webhooks the decoded bytes behind `whsec_`; of all others the bytes of its
 * text, Stripe's `whsec_…` included.
 *
 * @returns `undefined` for a secret that the scheme cannot have
 */
export function keyOf(scheme: Scheme, secret: string): Buffer | undefined {
  if (scheme !== 'standard-webhooks') return secret.length === 0 ? undefined : Buffer.from(secret, 'utf8');
  if (!secret.startsWith(STANDARD_PREFIX)) return undefined;
  const encoded = secret.slice(STANDARD_PREFIX.length).replace(/=+$/, '');
  const key = Buffer.from(encoded, 'base64');
  const same = key.toString('base64').replace(/=+$/, '') === encoded;
  return same && key.length >= 24 && key.length <= 64 ? key : undefined;
}
