import type { Pool, PoolClient } from 'pg';
import { invalidField, Problem } from '../../../api/http/problems';
import type { TenantContext } from '../../../api/http/route';
import { mergeHeaders, mergeMap } from '../../../api/webhooks/endpoints/header-schema';
import { type EndpointChange, metadataFits, type NewEndpoint } from '../../../api/webhooks/endpoints/schemas';
import { asId, type PublicId } from '../../../core/ids';
import type { Keyring } from '../../../infra/keyring';
import { inTransaction } from '../../../infra/postgres/pool';
import { DEFAULT_RETRY_DELAYS_MS } from '../rules/retry-schedule';
import { newSecret } from '../rules/signature';
import { insertEndpointSecret, listEndpointSecrets } from '../store/endpoint-secrets';
import {
  changeEndpointState,
  type Endpoint,
  type EndpointSettings,
  type EndpointState,
  insertEndpoint,
  lockEndpoint,
  updateEndpoint,
} from '../store/endpoints';
import { openHeaders, openSecret, sealHeaders, sealSecret } from './sealing';

interface Deps {
  pool: Pool;
  keyring: Keyring;
}

/** Stores a new endpoint with its secret, unless an execution of the same request has done so before. */
export async function createEndpoint(
  { pool, keyring }: Deps,
  { tenantId, effectId, fence }: Pick<TenantContext, 'tenantId' | 'effectId' | 'fence'>,
  input: NewEndpoint,
): Promise<{ endpoint: Endpoint; secret: string }> {
  const id = asId('endpoint', effectId);
  const secretId = asId('secret', effectId);
  const secret = input.secret ?? newSecret();
  const settings: EndpointSettings = {
    url: input.url,
    description: input.description,
    eventTypes: input.eventTypes,
    channels: input.channels,
    headersEncrypted: sealHeaders(keyring, id, input.headers),
    metadata: input.metadata,
    retryDelaysMs: input.retry,
    timeoutMs: input.timeout,
    rateLimit: rateOf(input.rateLimit),
    tier: input.tier,
  };
  return inTransaction(pool, async (client) => {
    await fence(client);
    const made = await lockEndpoint(client, tenantId, id);
    const [madeSecret] = made === undefined ? [] : await listEndpointSecrets(client, id);
    if (made !== undefined && madeSecret !== undefined) {
      return { endpoint: made, secret: openSecret(keyring, madeSecret) };
    }
    const endpoint = await insertEndpoint(client, tenantId, id, settings);
    await insertEndpointSecret(client, id, { id: secretId, encrypted: sealSecret(keyring, secretId, secret) });
    return { endpoint, secret };
  });
}

/** Changes what is given of an endpoint. */
export async function changeEndpoint(
  { pool, keyring }: Deps,
  tenantId: PublicId,
  id: PublicId,
  change: EndpointChange,
): Promise<Endpoint> {
  return withEndpoint(pool, tenantId, id, async (client, endpoint) => {
    const { description, metadata, headers, retry, timeout, rateLimit, ...plain } = change;
    const settings: EndpointSettings = {
      ...endpoint,
      ...defined(plain),
      description: description ?? endpoint.description,
      metadata: metadata === undefined ? endpoint.metadata : changedMetadata(endpoint.metadata, metadata),
      headersEncrypted: headers === undefined ? endpoint.headersEncrypted : changedHeaders(keyring, endpoint, headers),
      retryDelaysMs: retry === undefined ? endpoint.retryDelaysMs : (retry ?? [...DEFAULT_RETRY_DELAYS_MS]),
      timeoutMs: timeout ?? endpoint.timeoutMs,
      rateLimit: rateLimit === undefined ? endpoint.rateLimit : rateOf(rateLimit),
    };
    const noticeable = Object.keys(change).some((name) => name !== 'description' && name !== 'metadata');
    return updateEndpoint(client, endpoint, settings, noticeable);
  });
}

/** Brings an endpoint into a state; one that is in it already stays as it is. */
export async function moveEndpoint(
  pool: Pool,
  tenantId: PublicId,
  id: PublicId,
  state: EndpointState,
  reason: string | undefined,
): Promise<Endpoint> {
  return withEndpoint(pool, tenantId, id, async (client, endpoint) =>
    endpoint.state === state ? endpoint : changeEndpointState(client, endpoint, state, reason),
  );
}

/** Runs work on an endpoint that nobody else changes meanwhile. */
export async function withEndpoint<T>(
  pool: Pool,
  tenantId: PublicId,
  id: PublicId,
  work: (client: PoolClient, endpoint: Endpoint) => Promise<T>,
): Promise<T> {
  return inTransaction(pool, async (client) => {
    const endpoint = await lockEndpoint(client, tenantId, id);
    if (endpoint === undefined) throw new Problem('not-found');
    return work(client, endpoint);
  });
}

function changedMetadata(current: Endpoint['metadata'], change: Record<string, string | null>): Record<string, string> {
  const merged = mergeMap(current, change);
  if (!metadataFits(merged)) throw invalidField('body', '#/metadata', 'the endpoint would have too many entries');
  return merged;
}

function changedHeaders(
  keyring: Keyring,
  endpoint: Endpoint,
  change: Record<string, string | null>,
): Buffer | undefined {
  const merged = mergeHeaders(openHeaders(keyring, endpoint), change);
  if (merged === undefined) throw invalidField('body', '#/headers', 'the endpoint would have too many headers');
  return sealHeaders(keyring, endpoint.id, merged);
}

function rateOf(rate: NewEndpoint['rateLimit']): EndpointSettings['rateLimit'] {
  return rate === null ? undefined : { limit: rate.limit, periodMs: rate.period };
}

/** Without the fields that were not given, so that a spread does not overwrite with nothing. */
function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
