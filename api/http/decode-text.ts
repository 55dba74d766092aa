import { isUtf8 } from 'node:buffer';
import { Problem } from './problems';

const CHARSET = /;\s*charset\s*=\s*"?([^\s";]+)/i;
/** An XML declaration is in ASCII whatever the rest is, unless a byte order mark tells. */
const XML_ENCODING = /^<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z][\w.-]*)["']/;
/** What banks' old systems write where nothing is said: ISO 8859-1 and its superset. */
const USUAL = 'windows-1252';

/**
 * Text in whatever charset it says it is: by a byte order mark, by the `charset` of the `Content-Type`, or by its XML
 * declaration. If nothing says it, it is UTF-8 where it can be, else Windows-1252.
 *
 * @param body - the bytes; anything else is empty
 * @throws Problem `unsupported-media-type` for a charset that is not known or that the text is not in
 */
export function decodeText(body: unknown, contentType: string | undefined): string {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  const charset = charsetOf(bytes, contentType);
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch {
    throw new Problem('unsupported-media-type', {
      detail: `The body is not text in ${charset}, or that charset is not known. Send it in UTF-8, or say in which charset it is.`,
    });
  }
}

function charsetOf(bytes: Buffer, contentType: string | undefined): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  const declared = CHARSET.exec(contentType ?? '')?.[1] ?? XML_ENCODING.exec(bytes.toString('latin1', 0, 200))?.[1];
  return declared ?? (isUtf8(bytes) ? 'utf-8' : USUAL);
}
