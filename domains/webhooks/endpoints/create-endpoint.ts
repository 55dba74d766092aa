import type { Pool } from 'pg';
import { asId } from '../../../core/ids';
import type { Keyring } from '../../../infra/keyring';
import type { PlatformConfig } from '../../../infra/platform/config';
import type { Effect } from '../../../infra/postgres/effect';
import { inTransaction } from '../../../infra/postgres/pool';
import type { CircuitSettings } from '../rules/circuit';
import { DEFAULT_HEAD_OF_LINE, type HeadOfLine, type Ordering } from '../rules/ordering';
import { newSecret } from '../rules/signature';
import { insertEndpointSecret, listEndpointSecrets } from '../store/endpoint-secrets';
import { type Endpoint, type EndpointSettings, insertEndpoint, lockEndpoint } from '../store/endpoints';
import { checkFallback } from './check-fallback';
import { checkUrl } from './check-url';
import { type Rate, rateLimitOf } from './rate-limit';
import { openSecret, sealHeaders, sealSecret } from './sealing';

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
  circuit?: CircuitSettings | undefined;
  fallbackUrl?: string | null | undefined;
  holdFor?: number | null | undefined;
  ordering?: Ordering | undefined;
  headOfLine?: HeadOfLine | undefined;
  /** The signing secret; generated if left out. */
  secret?: string | undefined;
}

/**
 * Stores a new endpoint with its secret, unless an earlier execution of the same request has done so.
 *
 * @throws WebhookRefusal when its address may not be used
 */
export async function createEndpoint(
  { pool, keyring, config }: { pool: Pool; keyring: Keyring; config: PlatformConfig },
  { tenantId, effectId, fence }: Effect,
  input: NewEndpoint,
): Promise<{ endpoint: Endpoint; secret: string }> {
  await checkUrl(config, input.url);
  if (typeof input.fallbackUrl === 'string') await checkFallback(config, input.fallbackUrl, input.url);
  const id = asId('ep', effectId);
  const secretId = asId('sec', effectId);
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
    rateLimit: rateLimitOf(input.rateLimit),
    tier: input.tier,
    circuit: input.circuit,
    fallbackUrl: input.fallbackUrl ?? undefined,
    holdForMs: input.holdFor ?? undefined,
    ordering: input.ordering ?? 'none',
    headOfLine: input.headOfLine ?? DEFAULT_HEAD_OF_LINE,
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
