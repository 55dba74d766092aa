import pino, { type Logger } from 'pino';

export type { Logger } from 'pino';

/** Names whose values never reach a log, at any depth that our log lines have. */
const SECRET_NAMES = [
  'authorization',
  'secret',
  'secrets',
  'key',
  'apiKey',
  'password',
  'payload',
  'body',
  'data',
  'headers',
  'token',
];
const REDACTED_PATHS = SECRET_NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/**
 * The process's logger: JSON lines on standard output, secrets redacted.
 *
 * @param level - pino's level name
 * @param name - which process writes: `api`, `worker`
 */
export function createLogger(level: string, name: string): Logger {
  return pino({
    name,
    level,
    redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
}
