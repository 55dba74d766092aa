import { LRUCache } from 'lru-cache';
import type { PublicId } from '../../../core/ids';
import type { Platform } from '../../../infra/platform/platform';
import { keyOf } from '../rules/secret-keys';
import { openInboundSecret } from '../sources/sealing';
import { readOpenSource } from '../store/secrets';
import type { InboundSource } from '../store/sources';

const MAX_SOURCES = 10_000;

/** A source that takes events, with the keys of its secrets. */
export interface KnownSource {
  source: InboundSource;
  keys: { key: Buffer; expiresAt: Date | undefined }[];
}

/**
 * The sources of recent requests. An entry may be outdated: an event is stored only if its source still has the revision
 * that it was verified against, and a request that an entry refuses is verified once more against what Postgres has.
 */
export interface SourceCache {
  cached(id: PublicId): KnownSource | undefined;
  /** @returns `undefined` when there is no such source, or it takes nothing */
  read(id: PublicId): Promise<KnownSource | undefined>;
}

export function createSourceCache({ pool, keyring }: Pick<Platform, 'pool' | 'keyring'>): SourceCache {
  const sources = new LRUCache<PublicId, KnownSource>({ max: MAX_SOURCES });

  async function load(id: PublicId): Promise<KnownSource | undefined> {
    const open = await readOpenSource(pool, id);
    if (open === undefined) {
      sources.delete(id);
      return undefined;
    }
    const { source, secrets } = open;
    const keys = secrets.flatMap((secret) => {
      const key = keyOf(source.scheme, openInboundSecret(keyring, secret));
      return key === undefined ? [] : [{ key, expiresAt: secret.expiresAt }];
    });
    const known = { source, keys };
    sources.set(id, known);
    return known;
  }

  return { cached: (id) => sources.get(id), read: load };
}
