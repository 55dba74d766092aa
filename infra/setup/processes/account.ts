import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A user of this machine to run a program as. */
export interface Account {
  uid: number;
  gid: number;
}

/** Users for programs without privileges: Debian's for Postgres, else the one that every system has. */
const UNPRIVILEGED = ['postgres', 'nobody'];

/**
 * The user for a program that refuses to run as root.
 *
 * @param ownUid - our own user; unless it is root, no other is needed, or possible
 * @param passwd - the text of /etc/passwd
 * @throws Error when we are root and there is no unprivileged user
 */
export function unprivilegedAccount(ownUid = process.getuid?.(), passwd = readPasswd()): Account | undefined {
  if (ownUid !== 0) return undefined;
  const users = passwd.split('\n').map((line) => line.split(':'));
  for (const wanted of UNPRIVILEGED) {
    const [, , uid, gid] = users.find(([name]) => name === wanted) ?? [];
    if (uid !== undefined && gid !== undefined && uid !== '0') return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error(
    `Postgres does not run as root, and there is none of the users ${UNPRIVILEGED.join(', ')} to run it as`,
  );
}

/** Whether the account can enter the folder and all folders above it. */
export function canEnter(account: Account, folder: string): boolean {
  return (
    spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], { ...account, cwd: '/', stdio: 'ignore' }).status === 0
  );
}

/** Whether the account can run the program, tried with `--version`. */
export function canRun(account: Account, program: string): boolean {
  const options = { ...account, cwd: '/', stdio: 'ignore', timeout: 20_000 } as const;
  return spawnSync(program, ['--version'], options).status === 0;
}

function readPasswd(): string {
  try {
    return readFileSync('/etc/passwd', 'utf8');
  } catch {
    return '';
  }
}
