import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import type { Pool } from 'pg';

/** What the figures were measured on. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryGb: number;
  /** Processes that ran or waited to run in the minute before the run: near 0 on an idle machine. */
  loadBefore: number;
  system: string;
  node: string;
  postgres: string;
  fsync: string;
  synchronousCommit: string;
}

const [loadBefore = 0] = os.loadavg();

export async function describeMachine(pool: Pool): Promise<Machine> {
  const { rows } = await pool.query<{ version: string; fsync: string; commit: string }>(
    `SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync,
            current_setting('synchronous_commit') AS commit`,
  );
  return {
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGb: Math.round(os.totalmem() / 2 ** 30),
    loadBefore: Number(loadBefore.toFixed(2)),
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.version,
    postgres: rows[0]?.version ?? 'unknown',
    fsync: rows[0]?.fsync ?? 'unknown',
    synchronousCommit: rows[0]?.commit ?? 'unknown',
  };
}

/** Linux counts processor time in hundredths of a second wherever Node runs. */
const MS_PER_TICK = 10;
const PAGE_BYTES = 4_096;

interface Stat {
  parent: number;
  ownMs: number;
  reapedMs: number;
  rssMb: number;
}

/** Resident memory of a process in megabytes; undefined where /proc does not say. */
export function rssMb(pid: number | undefined): number | undefined {
  return pid === undefined ? undefined : statOf(pid)?.rssMb;
}

/** Processor time of a process and its children, in milliseconds; undefined where /proc does not say. */
export function processorMs(pid: number | undefined): number | undefined {
  const own = pid === undefined ? undefined : statOf(pid);
  if (own === undefined) return undefined;
  let sum = own.ownMs + own.reapedMs;
  for (const name of readdirSync('/proc')) {
    const child = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    if (child !== undefined && child.parent === pid) sum += child.ownMs + child.reapedMs;
  }
  return sum;
}

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const at = (index: number) => fields[index] ?? 0;
    return {
      parent: at(1),
      ownMs: (at(11) + at(12)) * MS_PER_TICK,
      reapedMs: (at(13) + at(14)) * MS_PER_TICK,
      rssMb: Math.round((at(21) * PAGE_BYTES) / 2 ** 20),
    };
  } catch {
    return undefined;
  }
}
