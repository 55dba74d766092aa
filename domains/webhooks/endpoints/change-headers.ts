import { mergeMap } from '../../../core/merge-patch';
import type { Keyring } from '../../../infra/keyring';
import { WebhookRefusal } from '../refusals';
import { MAX_CUSTOM_HEADERS } from '../rules/custom-headers';
import type { Endpoint } from '../store/endpoints';
import { openHeaders, sealHeaders } from './sealing';

interface HeadersChange {
  url?: string | undefined;
  /** Given headers are set, null removes one. */
  headers?: Record<string, string | null> | undefined;
}

/**
 * The custom headers of an endpoint after a change, encrypted.
 *
 * @throws WebhookRefusal when there would be too many, or some would go to an origin that they were not given for
 */
export function changedHeaders(
  keyring: Keyring,
  endpoint: Endpoint,
  { url, headers = {} }: HeadersChange,
): Buffer | undefined {
  const given = Object.keys(headers).length > 0;
  const moves = url !== undefined && originOf(url) !== originOf(endpoint.url);
  if (!given && !moves) return endpoint.headersEncrypted;
  const kept = openHeaders(keyring, endpoint);
  if (moves) mayNotFollow(Object.keys(kept).filter((name) => !Object.hasOwn(headers, name)));
  if (!given) return endpoint.headersEncrypted;
  const merged = mergeMap(kept, headers);
  if (Object.keys(merged).length > MAX_CUSTOM_HEADERS) {
    throw new WebhookRefusal('too-many-headers', 'the endpoint would have too many headers', { field: ['headers'] });
  }
  return sealHeaders(keyring, endpoint.id, merged);
}

/**
 * Whoever may change an address need not know the headers, which no answer shows: sent to another server they would be
 * known to it. Refused rather than dropped, since without them a receiver may turn every message away.
 */
function mayNotFollow(names: readonly string[]): void {
  if (names.length === 0) return;
  const listed = names.map((name) => `"${name}"`).join(', ');
  throw new WebhookRefusal(
    'headers-of-another-origin',
    `the new url has another origin than the one that ${listed} ${names.length === 1 ? 'was' : 'were'} given for: ` +
      'give each again in the same request, or null to remove it',
    { field: ['headers'] },
  );
}

/** Scheme, host and port. */
function originOf(url: string): string {
  return new URL(url).origin;
}
