import { createHash, randomBytes } from 'node:crypto';
import { fromUuid, newId, type PublicId, toUuid } from '../../core/ids';

const SHAPE = /^wb_live_([0-9a-f]{32})_([A-Za-z0-9_-]{43})$/;

/** An API key taken apart. */
export interface ParsedApiKey {
  id: PublicId;
  secretHash: Buffer;
}

/**
 * Reads `wb_live_<32 hex digits of the key's id>_<43 base64url characters>`.
 *
 * @returns `undefined` when the text has another form
 */
export function parseApiKey(text: string): ParsedApiKey | undefined {
  const match = SHAPE.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return { id: fromUuid('key', match[1]), secretHash: hashSecret(match[2]) };
}

/** Makes a new key. The text is kept nowhere: only the hash of its secret part is stored. */
export function newApiKey(id: PublicId = newId('key')): ParsedApiKey & { text: string } {
  const secret = randomBytes(32).toString('base64url');
  return { id, text: `wb_live_${toUuid(id)}_${secret}`, secretHash: hashSecret(secret) };
}

/** 256 random bits need no slow hash. */
function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
