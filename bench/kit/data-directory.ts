import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../../infra/setup/paths';
import { removeDataDirectory } from '../../infra/setup/servers/postgres-place';

const PREFIX = 'bench-';

/** Makes this run's data directory, and removes those of runs that were killed before they could do so. */
export function makeDataDirectory(): string {
  const folder = path.join(projectRoot, '.waybill');
  if (existsSync(folder)) {
    for (const name of readdirSync(folder)) {
      const pid = name.startsWith(PREFIX) ? Number(name.slice(PREFIX.length)) : Number.NaN;
      if (Number.isInteger(pid) && !isAlive(pid)) removeDataDirectory(path.join(folder, name));
    }
  }
  const dataDir = path.join(folder, `${PREFIX}${process.pid}`);
  mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  return dataDir;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
