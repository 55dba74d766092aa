import type { PublicId } from '../../../core/ids';
import type { Keyring } from '../../../infra/keyring';
import { type EndpointSecret, secretPlace } from '../store/endpoint-secrets';
import { type Endpoint, headersPlace } from '../store/endpoints';

type Headers = Readonly<Record<string, string>>;

/** Encrypts custom headers for their endpoint; undefined when there are none. */
export function sealHeaders(keyring: Keyring, endpointId: PublicId, headers: Headers): Buffer | undefined {
  if (Object.keys(headers).length === 0) return undefined;
  return keyring.encrypt(JSON.stringify(headers), headersPlace(endpointId));
}

/** The custom headers of an endpoint. */
export function openHeaders(
  keyring: Keyring,
  endpoint: Pick<Endpoint, 'id' | 'headersEncrypted'>,
): Record<string, string> {
  if (endpoint.headersEncrypted === undefined) return {};
  return JSON.parse(keyring.decrypt(endpoint.headersEncrypted, headersPlace(endpoint.id))) as Record<string, string>;
}

/** Encrypts a signing secret for its row. */
export function sealSecret(keyring: Keyring, secretId: PublicId, secret: string): Buffer {
  return keyring.encrypt(secret, secretPlace(secretId));
}

/** A signing secret's text. */
export function openSecret(keyring: Keyring, secret: Pick<EndpointSecret, 'id' | 'encrypted'>): string {
  return keyring.decrypt(secret.encrypted, secretPlace(secret.id));
}
