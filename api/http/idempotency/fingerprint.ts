import { createHash } from 'node:crypto';
import { canonicalJson } from '../../../core/canonical-json';
import type { RawInput } from '../route';

/**
 * SHA-256 of what a request asks for: route, path, query and body. Headers do not count, nor does the way JSON is written.
 *
 * @param route - method and template
 */
export function fingerprintOf(route: string, { params, query, body }: RawInput): Buffer {
  const asked = body === undefined ? [route, params, query] : [route, params, query, body];
  return createHash('sha256').update(canonicalJson(asked)).digest();
}
