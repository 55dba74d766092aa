import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';

const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Encrypts secrets at rest: AES-256-GCM, a fresh nonce per value, bound to its place (`table/row id`), so that a value
 * copied to another row does not decrypt. Layout: version, key id length, key id, nonce, tag, ciphertext.
 */
export class Keyring {
  readonly #keys = new Map<string, Buffer>();
  readonly #current: string;
  readonly #digestKeys = new Map<string, Buffer[]>();

  /**
   * @param entries - `id:base64 of 32 bytes`, the first encrypts, all decrypt (as in `WAYBILL_KEYS`)
   * @throws Error when an entry is malformed or there is none
   */
  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      const colon = entry.indexOf(':');
      const key = Buffer.from(entry.slice(colon + 1), 'base64');
      if (colon < 1 || key.length !== 32) throw new Error('a key must be id:base64 of 32 bytes');
      if (this.#keys.has(entry.slice(0, colon))) throw new Error('two keys have the same id');
      this.#keys.set(entry.slice(0, colon), key);
    }
    const first = entries[0];
    if (first === undefined) throw new Error('at least one key is needed');
    this.#current = first.slice(0, first.indexOf(':'));
  }

  encrypt(plain: string, place: string): Buffer {
    const key = this.#keys.get(this.#current);
    if (key === undefined) throw new Error('no current key');
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place));
    const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
    const id = Buffer.from(this.#current);
    return Buffer.concat([Buffer.from([VERSION, id.length]), id, nonce, cipher.getAuthTag(), sealed]);
  }

  /** @throws Error when the key is not in the ring, or the value was altered or moved from another place */
  decrypt(sealed: Buffer, place: string): string {
    if (sealed[0] !== VERSION) throw new Error('unknown encryption version');
    const idEnd = 2 + (sealed[1] ?? 0);
    const id = sealed.subarray(2, idEnd).toString();
    const key = this.#keys.get(id);
    if (key === undefined) throw new Error(`encrypted with key "${id}", which is not in WAYBILL_KEYS`);
    const tagStart = idEnd + NONCE_BYTES;
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(idEnd, tagStart))
      .setAAD(Buffer.from(place))
      .setAuthTag(sealed.subarray(tagStart, tagStart + TAG_BYTES));
    return Buffer.concat([decipher.update(sealed.subarray(tagStart + TAG_BYTES)), decipher.final()]).toString('utf8');
  }

  /**
   * What a text can be found by without saying it: its HMAC-SHA256, under a key derived from each key in the ring, the
   * current one first. The others are what processes with another current key call it.
   *
   * @param purpose - what the digests are for; another purpose has others
   */
  digests(purpose: string, text: string): string[] {
    let keys = this.#digestKeys.get(purpose);
    if (keys === undefined) {
      keys = [...this.#keys.values()].map((key) => Buffer.from(hkdfSync('sha256', key, '', purpose, 32)));
      this.#digestKeys.set(purpose, keys);
    }
    return keys.map((key) => createHmac('sha256', key).update(text).digest('base64url'));
  }
}
