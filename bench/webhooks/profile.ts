import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { waitFor } from '../../infra/setup/processes/wait';
import { type CpuProfile, summarize } from '../kit/cpu-profile';
import { progress } from '../kit/progress';
import type { Stack } from '../kit/stack';
import type { Watch } from './comparison';

const WRITTEN_WITHIN_MS = 30_000;
const LINES = 30;

/** Profiles the API's JavaScript and Postgres' statements while Waybill's maximum is measured, and prints the summaries. */
export function createProfile(stack: Stack, folder: string): Watch {
  let number = 0;
  return {
    async begin() {
      await stack.pool.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
      await stack.pool.query('SELECT pg_stat_statements_reset()');
      signalApi(stack);
    },
    async end() {
      const file = path.join(folder, `api-${stack.api.pid}-${++number}.cpuprofile`);
      signalApi(stack);
      await waitFor(() => Promise.resolve(existsSync(file) || undefined), { withinMs: WRITTEN_WITHIN_MS });
      printProfile(file);
      await printStatements(stack);
    },
  };
}

function signalApi(stack: Stack): void {
  if (stack.api.pid !== undefined) process.kill(stack.api.pid, 'SIGUSR2');
}

function printProfile(file: string): void {
  const { busyShare, functions, parts } = summarize(JSON.parse(readFileSync(file, 'utf8')) as CpuProfile);
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`.padStart(7);
  progress(`${file}: busy ${percent(busyShare)}; self and total share of that, by part and by function`);
  for (const costs of [parts, functions]) {
    for (const { name, self, total } of costs.slice(0, LINES))
      progress(`  ${percent(self)} ${percent(total)}  ${name}`);
    progress('');
  }
}

async function printStatements(stack: Stack): Promise<void> {
  const { rows } = await stack.pool.query<{ calls: number; total: number; rows: number; wal: number; query: string }>(
    `SELECT calls::int, total_exec_time AS total, rows::int, wal_bytes::float8 AS wal,
            regexp_replace(query, '\\s+', ' ', 'g') AS query
     FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 8`,
  );
  for (const { calls, total, rows: count, wal, query } of rows) {
    const each = (total / Math.max(1, calls)).toFixed(2);
    const text = query.slice(0, 90);
    progress(
      `  ${total.toFixed(0)} ms in ${calls} calls (${each} ms each), ${count} rows, WAL ${Math.round(wal / 1024)} KiB: ${text}`,
    );
  }
}
