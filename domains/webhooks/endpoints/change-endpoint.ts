import { type ExpectedVersion, outdatedDetail } from '../../../core/expected-version';
import type { PublicId } from '../../../core/ids';
import { mergeMap } from '../../../core/merge-patch';
import { MAX_METADATA_ENTRIES } from '../../../core/metadata';
import type { Platform } from '../../../infra/platform/platform';
import { tryBacklogNow } from '../backlog/try-backlog-now';
import { tryCircuitNow } from '../circuit/open-circuits';
import { WebhookRefusal } from '../refusals';
import { type CircuitSettings, DEFAULT_CIRCUIT } from '../rules/circuit';
import type { HeadOfLine, Ordering } from '../rules/ordering';
import { DEFAULT_RETRY_DELAYS_MS } from '../rules/retry-schedule';
import { type Endpoint, type EndpointSettings, findEndpoint, updateEndpoint } from '../store/endpoints';
import { changedHeaders } from './change-headers';
import { checkFallback } from './check-fallback';
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
  /** Given settings replace those that the endpoint has, one by one. */
  circuit?: Partial<CircuitSettings> | null | undefined;
  fallbackUrl?: string | null | undefined;
  /** In milliseconds. */
  holdFor?: number | null | undefined;
  ordering?: Ordering | undefined;
  headOfLine?: HeadOfLine | undefined;
}

type Entries = Record<string, string | null>;

/**
 * Changes the given fields of an endpoint.
 *
 * @throws WebhookRefusal when there is no such endpoint, it is none of the expected revisions, or the change would break a
 *   rule
 */
export async function changeEndpoint(
  platform: Platform,
  tenantId: PublicId,
  id: PublicId,
  { expected, ...change }: EndpointChange & { expected?: ExpectedVersion | undefined },
): Promise<Endpoint> {
  const { pool, keyring } = platform;
  await checkAddresses(platform, tenantId, { id, ...change });
  const noticeable = Object.keys(change).some((name) => name !== 'description' && name !== 'metadata');
  const changed = await withEndpoint(pool, tenantId, id, async (client, endpoint) => {
    const {
      description,
      metadata,
      headers: _,
      retry,
      timeout,
      rateLimit,
      circuit,
      fallbackUrl,
      holdFor,
      ...plain
    } = change;
    const settings: EndpointSettings = {
      ...endpoint,
      ...defined(plain),
      description: description ?? endpoint.description,
      metadata: metadata === undefined ? endpoint.metadata : changedMetadata(endpoint, metadata),
      headersEncrypted: changedHeaders(keyring, endpoint, change),
      retryDelaysMs: retry === undefined ? endpoint.retryDelaysMs : (retry ?? [...DEFAULT_RETRY_DELAYS_MS]),
      timeoutMs: timeout ?? endpoint.timeoutMs,
      rateLimit: rateLimit === undefined ? endpoint.rateLimit : rateLimitOf(rateLimit),
      circuit: changedCircuit(endpoint, circuit),
      fallbackUrl: fallbackUrl === undefined ? endpoint.fallbackUrl : (fallbackUrl ?? undefined),
      holdForMs: holdFor === undefined ? endpoint.holdForMs : (holdFor ?? undefined),
    };
    const updated = await updateEndpoint(client, endpoint, settings, { noticeable, expected });
    if (updated === undefined) throw changedMeanwhile(endpoint);
    return updated;
  });
  if (noticeable) {
    await tryBacklogNow(platform, { endpointId: id, tenantId });
    await tryCircuitNow(platform, { endpointId: id, tenantId });
  }
  return changed;
}

/** Nothing is resolved for an endpoint that does not exist, and the transaction does not wait for DNS. */
async function checkAddresses(
  { pool, config }: Platform,
  tenantId: PublicId,
  { id, url, fallbackUrl }: Pick<EndpointChange, 'url' | 'fallbackUrl'> & { id: PublicId },
): Promise<void> {
  if (url === undefined && typeof fallbackUrl !== 'string') return;
  const endpoint = await findEndpoint(pool, tenantId, id);
  if (endpoint === undefined) throw new WebhookRefusal('no-such-endpoint');
  if (url !== undefined) await checkUrl(config, url);
  if (typeof fallbackUrl === 'string') await checkFallback(config, fallbackUrl, url ?? endpoint.url);
}

function changedCircuit(endpoint: Endpoint, change: EndpointChange['circuit']): CircuitSettings | undefined {
  if (change === undefined) return endpoint.circuit;
  if (change === null) return undefined;
  return { ...DEFAULT_CIRCUIT, ...endpoint.circuit, ...defined(change) };
}

/** For whoever expected another revision. */
export function changedMeanwhile({ revision: version }: Endpoint): WebhookRefusal {
  return new WebhookRefusal('changed-meanwhile', outdatedDetail('The endpoint', version), { version });
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
