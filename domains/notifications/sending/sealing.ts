import type { PublicId } from '../../../core/ids';
import type { Keyring } from '../../../infra/keyring';
import type { Content } from '../rules/content';

/** Seals what a notification says, for its place. */
export function sealContent(keyring: Keyring, id: PublicId, content: Content): Buffer {
  return keyring.encrypt(JSON.stringify(content), `notifications/${id}`);
}

export function openContent(keyring: Keyring, id: PublicId, sealed: Buffer): Content {
  return JSON.parse(keyring.decrypt(sealed, `notifications/${id}`)) as Content;
}
