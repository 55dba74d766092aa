import * as fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Where downloads and builds are kept: for all clones of this user, or, without a home, in the data directory. */
export function cacheFolder({ env, dataDir }: { env: NodeJS.ProcessEnv; dataDir: string }): string {
  if (env.XDG_CACHE_HOME && path.isAbsolute(env.XDG_CACHE_HOME)) return path.join(env.XDG_CACHE_HOME, 'waybill');
  const home = homeFolder(env);
  return home === undefined ? path.join(dataDir, 'cache') : path.join(home, '.cache', 'waybill');
}

/** `undefined` if the user has none, or cannot write to it, as in some containers. */
export function homeFolder(env: NodeJS.ProcessEnv): string | undefined {
  try {
    const home = env.HOME || os.userInfo().homedir;
    fs.accessSync(home, fs.constants.W_OK);
    return path.isAbsolute(home) ? home : undefined;
  } catch {
    return undefined;
  }
}
