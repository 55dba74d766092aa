import type { Pool, PoolClient } from 'pg';
import { asId, type PublicId } from '../../../core/ids';
import { mergeMap } from '../../../core/merge-patch';
import { MAX_METADATA_ENTRIES } from '../../../core/metadata';
import type { Keyring } from '../../../infra/keyring';
import type { Effect } from '../../../infra/postgres/effect';
import { inTransaction } from '../../../infra/postgres/pool';
import { WebhookRefusal } from '../refusals';
import { MAX_CUSTOM_HEADERS } from '../rules/custom-headers';
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

/** `limit` deliveries in every `period` milliseconds. */
type Rate = { limit: number; period: number };

/** A new endpoint as its tenant describes it. Times are in milliseconds. */
export interface NewEndpoint {
  url: string;
  description: string;
  /** Exact types, `prefix.*` or `*`; empty for all. */
  eventTypes: string[];
  /** Empty for all messages. */
  channels: string[];
  headers: Record<string, string>;
  metadata: Record<string, string>;
  /** Delays before the second, third … attempt. */
  retry: number[];
  timeout: number;
  rateLimit: Rate | null;
  tier: string;
  /** The signing secret; made if it is left out. */
  secret?: string | undefined;
}

/** What is to be different; what is left out stays, and null stands for the default or for an entry's removal. */
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

/** Stores a new endpoint with its secret, unless an execution of the same request has done so before. */
export async function createEndpoint(
  { pool, keyring }: Deps,
  { tenantId, effectId, fence }: Effect,
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
    if (endpoint === undefined) throw new WebhookRefusal('no-such-endpoint');
    return work(client, endpoint);
  });
}

function changedMetadata(current: Endpoint['metadata'], change: Record<string, string | null>): Record<string, string> {
  const merged = mergeMap(current, change);
  if (Object.keys(merged).length > MAX_METADATA_ENTRIES) {
    throw new WebhookRefusal('too-much-metadata', 'the endpoint would have too many entries', { field: ['metadata'] });
  }
  return merged;
}

function changedHeaders(
  keyring: Keyring,
  endpoint: Endpoint,
  change: Record<string, string | null>,
): Buffer | undefined {
  const merged = mergeMap(openHeaders(keyring, endpoint), change);
  if (Object.keys(merged).length > MAX_CUSTOM_HEADERS) {
    throw new WebhookRefusal('too-many-headers', 'the endpoint would have too many headers', { field: ['headers'] });
  }
  return sealHeaders(keyring, endpoint.id, merged);
}

function rateOf(rate: Rate | null): EndpointSettings['rateLimit'] {
  return rate === null ? undefined : { limit: rate.limit, periodMs: rate.period };
}

/** Without the fields that were not given, so that a spread does not overwrite with nothing. */
function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
