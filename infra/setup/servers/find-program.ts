import path from 'node:path';
import which from 'which';

/** The first file on PATH of that name that may be run. */
export function findProgram(name: string, searchPath: string | undefined): string | undefined {
  // Folders named relatively, or not at all, would mean whichever folder we are in.
  const folders = (searchPath ?? '').split(path.delimiter).filter(path.isAbsolute).join(path.delimiter);
  return folders === '' ? undefined : (which.sync(name, { path: folders, nothrow: true }) ?? undefined);
}
