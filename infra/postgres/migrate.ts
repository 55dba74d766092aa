import path from 'node:path';
import type { Logger } from '../log';

/**
 * Brings the database to the newest migration; does nothing if it is already there. Safe to run from several processes
 * at once: an advisory lock lets one do it.
 */
export async function migrate(databaseUrl: string, log: Logger): Promise<void> {
  const { runner } = await import('node-pg-migrate');
  await runner({
    databaseUrl,
    dir: migrationsFolder(),
    direction: 'up',
    migrationsTable: 'schema_migrations',
    advisoryLockMode: 'wait',
    logger: {
      debug: (text) => log.debug(text),
      info: (text) => log.debug(text),
      warn: (text) => log.warn(text),
      error: (text) => log.error(text),
    },
  });
}

/** The .sql files are not compiled: from `dist/infra/postgres` they lie three folders up. */
function migrationsFolder(): string {
  const root = path.basename(path.resolve(__dirname, '..', '..')) === 'dist' ? '../../../infra/postgres' : '.';
  return path.resolve(__dirname, root, 'migrations');
}
