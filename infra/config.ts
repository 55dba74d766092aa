import { z } from 'zod';
import { parseDuration } from '../core/duration';
import { parseSecret } from '../domains/webhooks/rules/signature';

const duration = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((text, ctx) => {
      const ms = parseDuration(text);
      if (ms === undefined) {
        ctx.addIssue({ code: 'custom', message: 'expected a duration such as 500ms, 30s, 5m, 2h or 7d' });
        return z.NEVER;
      }
      return ms;
    });

const port = (fallback: number) =>
  z.coerce.number('expected a port number from 0 to 65535').int().min(0).max(65_535).default(fallback);
const count = (fallback: number, max: number) =>
  z.coerce.number(`expected a whole number from 1 to ${max}`).int().min(1).max(max).default(fallback);
const flag = z
  .enum(['true', 'false'], 'expected true or false')
  .default('false')
  .transform((text) => text === 'true');
const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  );
const keyEntry = /^[A-Za-z0-9_-]{1,32}:[A-Za-z0-9+/]{43}=$/;

/**
 * Every environment variable that API and worker read. Temporal's own (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`,
 * `TEMPORAL_API_KEY`, `TEMPORAL_TLS_*`) are read by the SDK's envconfig in `infra/temporal/client.ts`.
 */
export const configSchema = z.object({
  /** Postgres 14 or later, such as `postgres://user:password@host:5432/waybill`. */
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: 'expected a postgres:// URL' }),
  /** Connections of one process to Postgres. */
  WAYBILL_DATABASE_CONNECTIONS: count(10, 500),
  /** Redis 6 or later; without it caches are process-local. */
  REDIS_URL: z.url({ protocol: /^rediss?$/, error: 'expected a redis:// or rediss:// URL' }).optional(),
  /** Encryption keys `id:base64 of 32 bytes`, comma separated; the first encrypts, all decrypt. */
  WAYBILL_KEYS: list.refine((keys) => keys.length > 0 && keys.every((key) => keyEntry.test(key)), {
    error: 'expected one or more id:base64-of-32-bytes, comma separated; make one with: openssl rand -base64 32',
  }),
  /** The first administrator's API key, `wb_live_<32 hex>_<43 characters>`; created at start if it is not there yet. */
  WAYBILL_ADMIN_KEY: z
    .string()
    .regex(/^wb_live_[0-9a-f]{32}_[A-Za-z0-9_-]{43}$/, 'expected wb_live_<32 hex digits>_<43 base64url characters>')
    .optional(),
  WAYBILL_HOST: z.string().default('127.0.0.1'),
  WAYBILL_PORT: port(8080),
  /** The worker's /healthz, /readyz and /metrics. */
  WAYBILL_WORKER_PORT: port(8081),
  /** The Temporal SDK core's own Prometheus listener in the worker. */
  WAYBILL_TEMPORAL_METRICS_PORT: port(8082),
  /** Base address of Temporal Web UI, for links. */
  WAYBILL_TEMPORAL_UI_URL: z.url('expected an http(s):// URL').default('http://127.0.0.1:8233'),
  WAYBILL_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  /** Who makes the first attempt: `api`, at once in the accepting process; `workflow`, the worker. */
  WAYBILL_FIRST_ATTEMPT: z.enum(['api', 'workflow'], 'expected api or workflow').default('api'),
  /** First attempts under way at once in one API process, in all and to one endpoint. */
  WAYBILL_ATTEMPT_CONCURRENCY: count(512, 10_000),
  WAYBILL_ATTEMPT_CONCURRENCY_PER_ENDPOINT: count(64, 1_000),
  /** Longest and shortest time that accepted deliveries gather before a workflow covers them. */
  WAYBILL_COVER_LINGER: duration('100ms'),
  WAYBILL_COVER_LINGER_MAX: duration('1s'),
  /** How often overdue deliveries are looked for, and how late they may be before. */
  WAYBILL_SWEEP_INTERVAL: duration('30s'),
  WAYBILL_SWEEP_GRACE: duration('15s'),
  /** CIDR ranges that endpoints may resolve to although they are not public; for development and tests. */
  WAYBILL_ALLOW_PRIVATE_NETWORKS: list,
  /** Whether endpoints may have http:// addresses. */
  WAYBILL_ALLOW_HTTP: flag,
  /** A PEM file of further certificate authorities that receivers may be signed by. */
  WAYBILL_EXTRA_CA_FILE: z.string().optional(),
  /** Largest request body the API reads. */
  WAYBILL_MAX_BODY_BYTES: count(1_048_576, 16_777_216),
  /** Requests a second that one API key may make. */
  WAYBILL_RATE_LIMIT_PER_SECOND: count(10_000, 1_000_000),
  /** How long a message's content is kept when the publisher says nothing. */
  WAYBILL_CONTENT_RETENTION: duration('30d'),
  /** How long messages, finished deliveries and attempts are kept. */
  WAYBILL_HISTORY_RETENTION: duration('90d'),
  /** How often overdue settlements are looked for, and how long after a day's end and its grace one is overdue. */
  WAYBILL_SETTLEMENT_WATCH_INTERVAL: duration('1m'),
  WAYBILL_SETTLEMENT_OVERDUE_AFTER: duration('15m'),
  /** Address of the card payment provider; without it payments are made from wallets only. */
  WAYBILL_PAYMENT_PROVIDER_URL: z.url({ protocol: /^https?$/, error: 'expected an http(s):// URL' }).optional(),
  /** The provider's API key. */
  WAYBILL_PAYMENT_PROVIDER_KEY: z.string().optional(),
  /** `whsec_…`: the secret that the provider signs its callbacks with, as Standard Webhooks says. */
  WAYBILL_PAYMENT_PROVIDER_SECRET: z
    .string()
    .refine((secret) => parseSecret(secret) !== undefined, 'expected whsec_ and base64 of 24 to 64 bytes')
    .optional(),
  /** How long the provider has for an answer; 30s at most. */
  WAYBILL_PAYMENT_PROVIDER_TIMEOUT: duration('10s').refine((ms) => ms > 0 && ms <= 30_000, 'expected at most 30s'),
  /** Factor for all waits between tries of payments; below 1 for tests. */
  WAYBILL_PAYMENT_PACE: z.coerce.number('expected a number above 0').positive().max(100).default(1),
  WAYBILL_TASK_QUEUE: z.string().min(1).default('waybill'),
});

export type Config = z.infer<typeof configSchema>;

/** Thrown by {@link loadConfig}; its message has a line for each wrong variable. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/**
 * Reads the environment once, at start.
 *
 * @throws ConfigError naming each wrong variable and what is expected
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const result = configSchema.safeParse(present);
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => {
    const name = String(issue.path[0]);
    return `${name}: ${present[name] === undefined ? 'is not set; ' : ''}${issue.message}`;
  });
  throw new ConfigError(`The environment is not right:\n  ${lines.join('\n  ')}`);
}
