import { z } from 'zod';
import { count, duration, flag, list, setting } from '../config/fields';
import { namesSentinels, parseSentinelAddress } from '../redis/sentinel-address';

const KEY = /^[A-Za-z0-9_-]{1,32}:[A-Za-z0-9+/]{43}=$/;

const REDIS = z.url({ protocol: /^rediss?$/ });

/**
 * What every process reads. Temporal's own variables (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`,
 * `TEMPORAL_TLS_*`) are read by the SDK's envconfig in `infra/temporal/client.ts`.
 */
export const platformConfig = z.object({
  DATABASE_URL: setting(
    z.url({ protocol: /^postgres(ql)?$/, error: 'expected a postgres:// URL' }),
    'Postgres 14 or later, such as `postgres://user:password@host:5432/waybill`; required',
  ),
  WAYBILL_DATABASE_CONNECTIONS: count(10, 500, 'connections of one process to Postgres for what it does at once'),
  WAYBILL_DATABASE_READ_CONNECTIONS: count(4, 500, 'further connections for lists, statistics, exports and metrics'),
  WAYBILL_DATABASE_READ_TIMEOUT: duration('10s', 'how long one statement of these may take, 30s at most', 30_000),
  REDIS_URL: setting(
    z
      .string()
      .refine(
        (text) => (namesSentinels(text) ? parseSentinelAddress(text) !== undefined : REDIS.safeParse(text).success),
        {
          error: 'expected a redis:// or rediss:// URL, or redis+sentinel://sentinel:port,sentinel:port/name',
        },
      )
      .optional(),
    'Redis 6 or later, or its Sentinels (docs/caching.md); without it, caches are per process',
  ),
  WAYBILL_REDIS_PREFIX: setting(
    z
      .string()
      .regex(/^[A-Za-z0-9_.:-]{1,64}$/, 'expected 1 to 64 letters, digits and _ . : -')
      .default('waybill'),
    'what every Redis key begins with; give each environment its own where several share one Redis',
    'waybill',
  ),
  WAYBILL_KEYS: setting(
    list('').refine((keys) => keys.length > 0 && keys.every((key) => KEY.test(key)), {
      error: 'expected one or more id:base64-of-32-bytes, comma separated; make one with: openssl rand -base64 32',
    }),
    'encryption keys `id:base64 of 32 bytes`, comma separated; the first encrypts, all decrypt; required',
  ),
  WAYBILL_HOST: setting(z.string().default('127.0.0.1'), 'address that API and worker listen on', '127.0.0.1'),
  WAYBILL_LOG_LEVEL: setting(
    z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
    '`trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`',
    'info',
  ),
  WAYBILL_TASK_QUEUE: setting(
    z.string().min(1).default('waybill'),
    'prefix of Temporal task queue names: `waybill-delivery`, `waybill-backlog`, `waybill-notifications`, `waybill-money`, `waybill-upkeep`',
    'waybill',
  ),
  // On two cores a development server carries about 25 to 45 workflows with one activity a second: this leaves room for retries.
  WAYBILL_OWN_WORKFLOWS_PER_SECOND: count(
    10,
    10_000,
    'up to so many deliveries, payments, refunds, inbound events or notifications a second each have a Temporal workflow of their own; beyond it they share',
  ),
  WAYBILL_SWEEP_INTERVAL: duration('30s', 'how often to look for deliveries and payments that nothing attends to'),
  WAYBILL_ALLOW_PRIVATE_NETWORKS: list('non-public CIDR ranges that receivers may be in; for development and tests'),
  WAYBILL_ALLOW_HTTP: flag('whether receivers may have `http://` addresses'),
  WAYBILL_EXTRA_CA_FILE: setting(
    z.string().optional(),
    'a PEM file of extra certificate authorities to trust for receivers',
  ),
});

export type PlatformConfig = z.output<typeof platformConfig>;
