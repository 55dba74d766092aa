import { createHash } from 'node:crypto';
import { canonicalJson } from '../../../core/canonical-json';
import { canonicalJsonText } from '../../../core/json/canonical-text';
import type { RawInput } from '../route';

/**
 * SHA-256 of what a request asks for: route, path, query and body. Headers do not count, nor does the way JSON is
 * written; its numbers count as exactly as they are written.
 *
 * @param route - method and template
 */
export function fingerprintOf(route: string, { params, query, body, json }: RawInput): Buffer {
  const place = canonicalJson([route, params, query]);
  const said = json === undefined ? textOf(body) : canonicalJsonText(json);
  const asked = said === undefined ? place : `${place.slice(0, -1)},${said}]`;
  return createHash('sha256').update(asked).digest();
}

function textOf(body: unknown): string | undefined {
  return body === undefined ? undefined : canonicalJson(body);
}
