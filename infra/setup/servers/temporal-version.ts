import { spawnSync } from 'node:child_process';

/** The Temporal CLI that is downloaded or built; for why this one, see docs/decisions/0002. */
export const TEMPORAL_VERSION = '1.5.1';

const ANSWERS_WITHIN_MS = 20_000;

/** Whether a file is the Temporal CLI and runs here. Other programs are called `temporal` too. */
export function isTemporal(file: string): boolean {
  const { status, stdout } = spawnSync(file, ['--version'], { encoding: 'utf8', timeout: ANSWERS_WITHIN_MS });
  return status === 0 && /^temporal version .*Server/.test(stdout);
}
