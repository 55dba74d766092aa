import type { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import { GroupCommit } from '../../../core/group-commit';
import type { PublicId } from '../../../core/ids';
import type { Keyring } from '../../../infra/keyring';
import type { Queryable } from '../../../infra/postgres/pool';
import { openHeaders, openSecret } from '../endpoints/sealing';
import { type CircuitSettings, DEFAULT_CIRCUIT } from '../rules/circuit';
import { parseSecret } from '../rules/signature';
import { readEndpointConfigs, type StoredEndpointConfig } from '../store/endpoint-config';

/** An endpoint's configuration, ready to sign and send with. */
export interface EndpointConfig {
  version: number;
  url: string;
  timeoutMs: number;
  retryDelaysMs: readonly number[];
  rateLimit: { limit: number; periodMs: number } | undefined;
  headers: Readonly<Record<string, string>>;
  circuit: CircuitSettings;
  /** Where deliveries go while the circuit is open, if they are not held. */
  fallbackUrl: string | undefined;
  /** Signing keys, newest first. */
  keys: readonly { key: Buffer; expiresAtMs: number }[];
}

/** Thrown for an endpoint whose secrets or headers cannot be decrypted, as when they were encrypted with a lost key. */
export class UnreadableEndpoint extends Error {
  override name = 'UnreadableEndpoint';

  constructor(
    readonly stored: Pick<StoredEndpointConfig, 'version' | 'retryDelaysMs'>,
    cause: unknown,
  ) {
    super('the secrets or headers of an endpoint cannot be decrypted', { cause });
  }
}

export interface CacheStatistics {
  hits: number;
  redisHits: number;
  databaseReads: number;
}

export interface EndpointConfigCache {
  /**
   * The configuration at this version or a newer one.
   *
   * @returns undefined when the endpoint, or every one of its secrets, is gone
   * @throws UnreadableEndpoint; other errors when Postgres cannot be asked
   */
  get(id: PublicId, atLeastVersion: number): Promise<EndpointConfig | undefined>;
  readonly statistics: CacheStatistics;
}

const MAX_ENTRIES = 20_000;
const MAX_READ_BATCH = 100;
const REDIS_TTL_SECONDS = 3_600;

/**
 * Three levels: this process (LRU), Redis, Postgres. An entry belongs to one version of an endpoint, and whoever hands
 * out a delivery says which version it needs, so an entry is never stale and nothing has to be invalidated: a change
 * makes the next caller ask for a version that no level has yet. What is stored in Redis is still encrypted.
 */
export function createEndpointConfigCache(deps: {
  db: Queryable;
  redis: Redis | undefined;
  keyring: Keyring;
}): EndpointConfigCache {
  const { db, redis, keyring } = deps;
  const local = new LRUCache<PublicId, EndpointConfig>({ max: MAX_ENTRIES });
  const loading = new Map<string, Promise<EndpointConfig | undefined>>();
  // A fan-out to a thousand endpoints that nobody has used yet must not take every connection.
  const reads = new GroupCommit<PublicId, StoredEndpointConfig | undefined>({
    maxBatch: MAX_READ_BATCH,
    maxInFlight: 2,
    maxWaiting: Number.MAX_SAFE_INTEGER,
    commit: (ids) => readEndpointConfigs(db, ids),
  });
  const statistics: CacheStatistics = { hits: 0, redisHits: 0, databaseReads: 0 };

  async function load(id: PublicId, version: number): Promise<EndpointConfig | undefined> {
    const remembered = await readRedis(redis, id, version);
    if (remembered !== undefined) statistics.redisHits++;
    else statistics.databaseReads++;
    const stored = remembered ?? (await reads.add(id));
    if (stored === undefined) return undefined;
    if (remembered === undefined) writeRedis(redis, stored);
    const config = open(stored, keyring);
    local.set(id, config);
    return config;
  }

  return {
    statistics,
    async get(id, atLeastVersion) {
      const cached = local.get(id);
      if (cached !== undefined && cached.version >= atLeastVersion) {
        statistics.hits++;
        return cached;
      }
      const ticket = `${id}/${atLeastVersion}`;
      let pending = loading.get(ticket);
      if (pending === undefined) {
        pending = load(id, atLeastVersion).finally(() => loading.delete(ticket));
        loading.set(ticket, pending);
      }
      return pending;
    },
  };
}

function open(stored: StoredEndpointConfig, keyring: Keyring): EndpointConfig {
  try {
    return decrypt(stored, keyring);
  } catch (error) {
    throw new UnreadableEndpoint(stored, error);
  }
}

function decrypt(stored: StoredEndpointConfig, keyring: Keyring): EndpointConfig {
  return {
    version: stored.version,
    url: stored.url,
    timeoutMs: stored.timeoutMs,
    retryDelaysMs: stored.retryDelaysMs,
    rateLimit: stored.rateLimit,
    headers: openHeaders(keyring, stored),
    // What an earlier version left in Redis has neither.
    circuit: stored.circuit ?? DEFAULT_CIRCUIT,
    fallbackUrl: stored.fallbackUrl,
    keys: stored.secrets.flatMap((secret) => {
      const key = parseSecret(openSecret(keyring, secret));
      return key === undefined ? [] : [{ key, expiresAtMs: secret.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY }];
    }),
  };
}

const redisKey = (id: PublicId, version: number) => `endpoint:${id}:${version}`;

async function readRedis(
  redis: Redis | undefined,
  id: PublicId,
  version: number,
): Promise<StoredEndpointConfig | undefined> {
  if (redis?.status !== 'ready') return undefined;
  const text = await redis.get(redisKey(id, version)).catch(() => null);
  if (text === null) return undefined;
  const entry = JSON.parse(text) as SerializedConfig;
  return {
    ...entry,
    headersEncrypted: entry.headersEncrypted === undefined ? undefined : Buffer.from(entry.headersEncrypted, 'base64'),
    secrets: entry.secrets.map((secret) => ({
      id: secret.id,
      encrypted: Buffer.from(secret.encrypted, 'base64'),
      expiresAt: secret.expiresAt === undefined ? undefined : new Date(secret.expiresAt),
    })),
  };
}

type SerializedConfig = Omit<StoredEndpointConfig, 'headersEncrypted' | 'secrets'> & {
  headersEncrypted?: string;
  secrets: { id: PublicId; encrypted: string; expiresAt?: string }[];
};

function writeRedis(redis: Redis | undefined, stored: StoredEndpointConfig): void {
  if (redis?.status !== 'ready') return;
  const entry = {
    ...stored,
    headersEncrypted: stored.headersEncrypted?.toString('base64'),
    secrets: stored.secrets.map((secret) => ({ ...secret, encrypted: secret.encrypted.toString('base64') })),
  };
  redis.set(redisKey(stored.id, stored.version), JSON.stringify(entry), 'EX', REDIS_TTL_SECONDS).catch(() => undefined);
}
