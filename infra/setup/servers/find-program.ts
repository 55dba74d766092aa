import path from 'node:path';
import which from 'which';

/** The first executable file of that name on PATH. */
export function findProgram(name: string, searchPath: string | undefined): string | undefined {
  // Relative or empty entries would mean the current folder.
  const folders = (searchPath ?? '').split(path.delimiter).filter(path.isAbsolute).join(path.delimiter);
  return folders === '' ? undefined : (which.sync(name, { path: folders, nothrow: true }) ?? undefined);
}
