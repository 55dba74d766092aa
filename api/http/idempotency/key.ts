import { Problem } from '../problems';
import type { IdempotencyPolicy } from '../route';

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/**
 * Reads the header `Idempotency-Key`: a UUID v4, bare or as an RFC 8941 string, in upper or lower case.
 *
 * @returns the key in lower case; `undefined` when there is none, or the route does not leave it to the adapter
 * @throws Problem when the key is malformed, or missing where the route requires one
 */
export function idempotencyKeyOf(
  header: string | readonly string[] | undefined,
  policy: IdempotencyPolicy | undefined,
): string | undefined {
  if (policy === undefined || policy === 'own') return undefined;
  if (header === undefined) {
    if (policy === 'required' || policy === 'kept') throw new Problem('idempotency-key-missing');
    return undefined;
  }
  // A repeated header is not a key, whether Node joins them or not.
  const text = typeof header === 'string' ? header.trim() : header.join(', ');
  const quoted = text.length >= 2 && text.startsWith('"') && text.endsWith('"');
  const key = quoted ? text.slice(1, -1) : text;
  if (!UUID_V4.test(key)) throw new Problem('idempotency-key-malformed');
  return key.toLowerCase();
}
