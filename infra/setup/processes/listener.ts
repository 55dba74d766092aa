import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { codeOf } from '../../../core/error-code';

const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];
const LISTEN = '0A';

/**
 * Whether a process group itself holds the listening socket of a TCP port. An answer from the port does not prove it:
 * another program may have taken the port first.
 *
 * Also true where this is unknown: on systems without Linux' /proc, and in containers in which root may not look at the
 * processes of other accounts.
 */
export function listensOn(group: number, port: number): boolean {
  const tables = TABLES.map((table) => read(table));
  if (tables.every((table) => table === undefined)) return true;
  const inodes = new Set(tables.flatMap((table) => listeningInodes(table ?? '', port)));
  try {
    return inodes.size > 0 && membersOf(group).some((pid) => socketsOf(pid).some((socket) => inodes.has(socket)));
  } catch (error) {
    if (isForbidden(error)) return true;
    throw error;
  }
}

/** The inodes of the listening sockets on the port in such a table. */
function listeningInodes(table: string, port: number): string[] {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === LISTEN && local?.endsWith(`:${hexPort}`) === true)
    .map((columns) => columns[9] ?? '');
}

function membersOf(group: number): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && groupOf(name) === group);
}

function groupOf(pid: string): number {
  const stat = read(`/proc/${pid}/stat`) ?? '';
  // After the program's name, which may contain anything: state, parent, group.
  const [, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(group);
}

/** The inodes of a process' sockets. */
function socketsOf(pid: string): string[] {
  const folder = `/proc/${pid}/fd`;
  const names = unlessGone(() => readdirSync(folder)) ?? [];
  return names.flatMap((name) => {
    const target = unlessGone(() => readlinkSync(`${folder}/${name}`)) ?? '';
    return /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? [];
  });
}

function read(file: string): string | undefined {
  return unlessGone(() => readFileSync(file, 'utf8'));
}

/** `undefined` for a process or file that is gone. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(codeOf(error))) return undefined;
    throw error;
  }
}

function isForbidden(error: unknown): boolean {
  return ['EACCES', 'EPERM'].includes(codeOf(error));
}
