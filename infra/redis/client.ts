import { Redis, type RedisOptions } from 'ioredis';
import type { Logger } from '../log';
import { namesSentinels, parseSentinelAddress } from './sentinel-address';

/** A command that takes longer is given up: Redis is an aid here, never something to wait for. */
const COMMAND_TIMEOUT_MS = 250;

/**
 * Connects to Redis, or returns undefined when there is none. Reconnects by itself; while it is away commands fail at
 * once instead of queueing, so callers fall through to the next level.
 *
 * @param url - `redis://` or `rediss://`, or as {@link parseSentinelAddress} reads it
 * @param prefix - put before every key, with a colon, so that several environments can share one Redis
 */
export function createRedis(url: string | undefined, prefix: string, log: Logger): Redis | undefined {
  if (url === undefined) return undefined;
  const options: RedisOptions = {
    keyPrefix: `${prefix}:`,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: 2_000,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    enableAutoPipelining: true,
    retryStrategy: retryAfterMs,
  };
  const redis = namesSentinels(url) ? new Redis({ ...options, ...watched(url) }) : new Redis(url, options);
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

function retryAfterMs(times: number): number {
  return Math.min(times * 200, 2_000);
}

/** What a Redis needs that Sentinels watch: what they say after a failover is to be heard soon. */
function watched(url: string): RedisOptions {
  const address = parseSentinelAddress(url);
  if (address === undefined) throw new Error('REDIS_URL does not name Sentinels as it should');
  const { secure, ...where } = address;
  return {
    ...where,
    ...(secure ? { tls: {}, enableTLSForSentinelMode: true } : {}),
    failoverDetector: true,
    sentinelCommandTimeout: 2_000,
    sentinelRetryStrategy: retryAfterMs,
    // A former master that is a replica now goes on answering: ask the Sentinels for the master anew.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  };
}
