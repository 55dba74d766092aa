import { Redis } from 'ioredis';
import type { Logger } from '../log';

/** A command that takes longer is given up: Redis is an aid here, never something to wait for. */
const COMMAND_TIMEOUT_MS = 250;

/**
 * Connects to Redis, or returns undefined when there is none. Reconnects by itself; while it is away commands fail at
 * once instead of queueing, so callers fall through to the next level.
 *
 * @param prefix - put before every key, with a colon, so that several environments can share one Redis
 */
export function createRedis(url: string | undefined, prefix: string, log: Logger): Redis | undefined {
  if (url === undefined) return undefined;
  const redis = new Redis(url, {
    keyPrefix: `${prefix}:`,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: 2_000,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    enableAutoPipelining: true,
    retryStrategy: (times) => Math.min(times * 200, 2_000),
  });
  let lost = false;
  redis.on('error', (error: Error) => {
    if (!lost)
      log.warn(
        { err: { message: error.message, code: 'code' in error ? error.code : undefined } },
        'Redis is out of reach; going on without it',
      );
    lost = true;
  });
  redis.on('ready', () => {
    if (lost) log.info('Redis is back');
    lost = false;
  });
  return redis;
}
