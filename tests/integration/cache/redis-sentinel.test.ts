import { readFileSync } from 'node:fs';
import path from 'node:path';
import pino from 'pino';
import { z } from 'zod';
import { createCaches } from '../../../infra/cache/caches';
import { Keyring } from '../../../infra/keyring';
import { createRedis } from '../../../infra/redis/client';
import { withLock } from '../../../infra/redis/lock';
import { CACHE_KEYS, withRedis } from '../../support/caches';
import { eventually } from '../../support/receiver';
import { startWatchedRedis } from '../../support/watched-redis';

const log = pino({ level: 'silent' });

/** As docs/caching.md gives them. */
function documentedUser(): string {
  const docs = readFileSync(path.resolve(__dirname, '../../../docs/caching.md'), 'utf8');
  const [, rules] = /^ACL SETUSER waybill on '>…' (.*)$/m.exec(docs) ?? [];
  if (rules === undefined) throw new Error('docs/caching.md does not say what a user needs');
  return rules.replaceAll("'", '');
}

withRedis('a failover that Sentinels make fails no reader, and the new master is used without a restart', async () => {
  const watched = await startWatchedRedis(documentedUser());
  const redis = createRedis(watched.url, 'waybill', log);
  if (redis === undefined) throw new Error('there is no Redis');
  await new Promise<void>((resolve) => redis.once('ready', resolve));
  const caches = createCaches({ redis, keyring: new Keyring(CACHE_KEYS), log, pauseMs: 50 });
  try {
    let loads = 0;
    const namespace = caches.namespace({ name: 'numbers', schema: z.number(), ttlMs: 600_000, localTtlMs: 1 });
    const read = (key: string) =>
      namespace.getOrLoad(key, async () => {
        loads++;
        return 7;
      });
    const locked = () => withLock(redis, 'only-one', { ttlMs: 5_000, waitMs: 1_000 }, async ({ fence }) => fence);
    await read('before');
    const fence = await locked();
    await namespace.invalidate({ pattern: 'before*' });
    await namespace.invalidate({ key: 'before' });
    expect(await watched.refusals()).toEqual([]);

    await watched.killMaster();
    expect(await read('meanwhile')).toBe(7);
    await eventually(async () => {
      expect(await read(`after-${loads}`)).toBe(7);
      return caches.redisState() === 'ok' ? true : undefined;
    });
    await read('again');
    await eventually(async () => {
      const before = loads;
      await read('again');
      return loads === before ? true : undefined;
    });
    expect(await locked()).toBeGreaterThan(fence);
    expect(await watched.refusals()).toEqual([]);
  } finally {
    await caches.close();
    redis.disconnect();
    await watched.close();
  }
});
