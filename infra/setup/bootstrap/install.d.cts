export interface LockedPackage {
  version?: string;
  integrity?: string;
  optional?: boolean;
  devOptional?: boolean;
}

export interface Lockfile {
  packages?: Record<string, LockedPackage>;
}

/** Whether node_modules holds what package-lock.json asks for. */
export function isInstalled(root: string): boolean;

/** Whether every locked package is installed in its locked version; optional ones may be missing. */
export function matchesLock(lock: Lockfile, record: Lockfile): boolean;

/** The command that installs: the npm that runs us, or the one on PATH. */
export function installCommand(env: Record<string, string | undefined>): { command: string; args: string[] };

/** Records that the installed packages match package-lock.json. */
export function writeStamp(root: string): void;
