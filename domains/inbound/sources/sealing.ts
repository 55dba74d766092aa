import { randomBytes } from 'node:crypto';
import type { PublicId } from '../../../core/ids';
import type { Keyring } from '../../../infra/keyring';
import { InboundRefusal } from '../refusals';
import type { Scheme } from '../rules/schemes';
import { keyOf, secretForm } from '../rules/secret-keys';
import { type InboundSecret, inboundSecretPlace } from '../store/secrets';

/** Encrypts a secret for its row. */
export function sealInboundSecret(keyring: Keyring, id: PublicId, secret: string): Buffer {
  return keyring.encrypt(secret, inboundSecretPlace(id));
}

/** A secret's text. */
export function openInboundSecret(
  keyring: Keyring,
  { id, encrypted }: Pick<InboundSecret, 'id' | 'encrypted'>,
): string {
  return keyring.decrypt(encrypted, inboundSecretPlace(id));
}

/** Senders who make the secret themselves, and show it to whoever sets the webhook up. */
const MADE_BY_SENDER: readonly Scheme[] = ['stripe', 'shopify', 'sendgrid', 'mailgun'];

/**
 * The secret that is to be kept: the given one, or a new one for the sender.
 *
 * @throws InboundRefusal when the scheme cannot have it, or its sender makes the secret
 */
export function secretFor(scheme: Scheme, given: string | undefined): string {
  const field = ['secret'];
  if (given === undefined) {
    if (MADE_BY_SENDER.includes(scheme))
      throw new InboundRefusal('secret-needed', 'is required: the sender shows it', { field });
    if (scheme === 'basic-auth') return `waybill:${randomBytes(32).toString('base64url')}`;
    return `whsec_${randomBytes(32).toString('base64')}`;
  }
  if (keyOf(scheme, given) !== undefined) return given;
  throw new InboundRefusal('unusable-secret', `expected ${secretForm(scheme)}`, { field });
}
