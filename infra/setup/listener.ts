import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];
const LISTEN = '0A';

/**
 * Whether that process itself holds the listening socket of a TCP port. An answer from the port does not show it: another
 * program may have taken the port first. Always true on systems without Linux' /proc, which cannot tell.
 */
export function listensOn(pid: number, port: number): boolean {
  const tables = TABLES.map(read);
  if (tables.every((table) => table === undefined)) return true;
  const inodes = new Set(tables.flatMap((table) => listeningInodes(table ?? '', port)));
  return inodes.size > 0 && socketsOf(pid).some((socket) => inodes.has(socket));
}

/** The inodes of the sockets in such a table that listen on the port. */
function listeningInodes(table: string, port: number): string[] {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === LISTEN && local?.endsWith(`:${hexPort}`) === true)
    .map((columns) => columns[9] ?? '');
}

function socketsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return entries(folder).flatMap((name) => /^socket:\[(\d+)\]$/.exec(target(`${folder}/${name}`))?.[1] ?? []);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Nothing for a process that has gone. */
function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function target(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}
