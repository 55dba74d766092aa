import type { PublicId } from '../../../core/ids';
import { mergeMap } from '../../../core/merge-patch';
import { MAX_METADATA_ENTRIES } from '../../../core/metadata';
import type { Platform } from '../../../infra/platform/platform';
import { tryBacklogNow } from '../backlog/try-backlog-now';
import { WebhookRefusal } from '../refusals';
import { DEFAULT_RETRY_DELAYS_MS } from '../rules/retry-schedule';
import { type Endpoint, type EndpointSettings, findEndpoint, updateEndpoint } from '../store/endpoints';
import { changedHeaders } from './change-headers';
import { checkUrl } from './check-url';
import { type Rate, rateLimitOf } from './rate-limit';
import { withEndpoint } from './with-endpoint';

/** The fields to change. Those left out stay; null restores the default, or removes an entry. */
export interface EndpointChange {
  url?: string | undefined;
  description?: string | undefined;
  eventTypes?: string[] | undefined;
  channels?: string[] | undefined;
  headers?: Record<string, string | null> | undefined;
  metadata?: Record<string, string | null> | undefined;
  retry?: number[] | null | undefined;
  timeout?: number | undefined;
  rateLimit?: Rate | null | undefined;
  tier?: string | undefined;
}

type Entries = Record<string, string | null>;

/**
 * Changes the given fields of an endpoint.
 *
 * @throws WebhookRefusal when there is no such endpoint, or the change would break a rule
 */
export async function changeEndpoint(
  platform: Platform,
  tenantId: PublicId,
  id: PublicId,
  change: EndpointChange,
): Promise<Endpoint> {
  const { pool, keyring, config } = platform;
  if (change.url !== undefined) {
    // Nothing is resolved for an endpoint that does not exist, and the transaction does not wait for DNS.
    if ((await findEndpoint(pool, tenantId, id)) === undefined) throw new WebhookRefusal('no-such-endpoint');
    await checkUrl(config, change.url);
  }
  const noticeable = Object.keys(change).some((name) => name !== 'description' && name !== 'metadata');
  const changed = await withEndpoint(pool, tenantId, id, async (client, endpoint) => {
    const { description, metadata, headers: _, retry, timeout, rateLimit, ...plain } = change;
    const settings: EndpointSettings = {
      ...endpoint,
      ...defined(plain),
      description: description ?? endpoint.description,
      metadata: metadata === undefined ? endpoint.metadata : changedMetadata(endpoint, metadata),
      headersEncrypted: changedHeaders(keyring, endpoint, change),
      retryDelaysMs: retry === undefined ? endpoint.retryDelaysMs : (retry ?? [...DEFAULT_RETRY_DELAYS_MS]),
      timeoutMs: timeout ?? endpoint.timeoutMs,
      rateLimit: rateLimit === undefined ? endpoint.rateLimit : rateLimitOf(rateLimit),
    };
    return updateEndpoint(client, endpoint, settings, noticeable);
  });
  if (noticeable) await tryBacklogNow(platform, { endpointId: id, tenantId });
  return changed;
}

function changedMetadata(endpoint: Endpoint, change: Entries): Record<string, string> {
  const merged = mergeMap(endpoint.metadata, change);
  if (Object.keys(merged).length > MAX_METADATA_ENTRIES) {
    throw new WebhookRefusal('too-much-metadata', 'the endpoint would have too many entries', { field: ['metadata'] });
  }
  return merged;
}

/** Drops undefined fields, so that a spread does not overwrite with them. */
function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
