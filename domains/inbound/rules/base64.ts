/** The bytes of base64 text, padded or not. @returns `undefined` for what no encoder writes, and for nothing */
export function bytesOf(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  const canonical = bytes.toString('base64');
  const same = canonical === text || canonical.replace(/=+$/, '') === text;
  return same && bytes.length > 0 ? bytes : undefined;
}
