import { rmSync } from 'node:fs';
import pino from 'pino';
import { migrate } from '../../infra/postgres/migrate';
import { buildWorkflowBundle } from '../../worker/bundle';
import { TEST_BUNDLE } from './bundle';
import { administer, databaseUrl, TEMPLATE_DATABASE } from './database';
import { SHARED_DOCUMENT } from './shared-document';

/** Once a run: the migrated template that every test file's database is copied from, and the workflow bundle. */
export default async function globalSetup(): Promise<void> {
  rmSync(SHARED_DOCUMENT, { force: true });
  await administer(`DROP DATABASE IF EXISTS ${TEMPLATE_DATABASE} WITH (FORCE)`);
  await administer(`CREATE DATABASE ${TEMPLATE_DATABASE}`);
  await migrate(databaseUrl(TEMPLATE_DATABASE), pino({ level: 'silent' }));
  await buildWorkflowBundle(TEST_BUNDLE);
}
