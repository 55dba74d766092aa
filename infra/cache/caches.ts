import type { Redis } from 'ioredis';
import type { Registry } from 'prom-client';
import type { Keyring } from '../keyring';
import type { Logger } from '../log';
import type { Platform } from '../platform/platform';
import { Bus } from './bus';
import { createCodec } from './codec';
import { CacheMisuse } from './errors';
import { RedisGate } from './gate';
import { showCaches } from './metrics';
import { namesOf } from './names';
import { Namespace } from './namespace';
import { type NamespaceOptions, settingsOf } from './options';
import type { CacheStatistics } from './statistics';

/** What can be done with a namespace whatever its values are. */
export type AnyNamespace = Pick<Namespace<unknown>, 'name' | 'sensitive' | 'invalidate' | 'statistics'>;

/** The caches of a process. */
export interface Caches {
  /** Opens a namespace; each once. @throws CacheMisuse */
  namespace<T>(options: NamespaceOptions<T>): Namespace<T>;
  find(name: string): AnyNamespace | undefined;
  /** Of each namespace, by its name. */
  statistics(): Map<string, CacheStatistics>;
  /** `none`: there is no Redis; `away`: the last command failed. */
  redisState(): 'ok' | 'away' | 'none';
  /** Tells Redis what it has not heard of yet, if it can be told now. */
  close(): Promise<void>;
}

/** Opens the caches of a process; use `platform.once(openCaches)`. */
export function openCaches(platform: Platform): Caches {
  const caches = createCaches({ ...platform, registry: platform.metrics.registry });
  platform.onClose(() => caches.close());
  return caches;
}

export function createCaches(deps: {
  redis: Redis | undefined;
  keyring: Keyring;
  log: Logger;
  registry?: Registry;
  /** How long Redis is left alone after a failure, in milliseconds. */
  pauseMs?: number;
}): Caches {
  const { redis, keyring, log, registry, pauseMs } = deps;
  const namespaces = new Map<string, AnyNamespace & { close(): Promise<void> }>();
  let shared: { gate: RedisGate; bus: Bus } | undefined;
  // The second connection is for processes that have a cache.
  const share = () => {
    if (redis !== undefined) shared ??= { gate: new RedisGate(redis, log, pauseMs), bus: new Bus(redis, log) };
    return shared;
  };
  const statistics = () => new Map([...namespaces].map(([name, each]) => [name, each.statistics()]));
  if (registry !== undefined) showCaches(registry, statistics, () => shared?.gate.open ?? false);

  return {
    namespace<T>(options: NamespaceOptions<T>): Namespace<T> {
      const settings = settingsOf(options);
      const { name, schema, compressFrom, sensitive } = settings;
      if (namespaces.has(name)) throw new CacheMisuse(`the namespace "${name}" is open already`);
      const secret = sensitive ? keyring : undefined;
      const names = namesOf(name, secret);
      const codec = createCodec({ name, schema, compressFrom, keyring: secret });
      const opened = new Namespace<T>(settings, { names, codec, log, redis: share() });
      namespaces.set(name, opened);
      return opened;
    },
    find: (name) => namespaces.get(name),
    statistics,
    redisState: () => (redis === undefined ? 'none' : (shared?.gate.open ?? redis.status === 'ready') ? 'ok' : 'away'),
    async close() {
      for (const each of namespaces.values()) await each.close();
      shared?.bus.close();
    },
  };
}
