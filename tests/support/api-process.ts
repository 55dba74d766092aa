import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { ADMIN_KEY } from './api-support';
import { TEST_KEYS } from './pipeline';

const ROOT = path.resolve(__dirname, '../..');

/** An API process of its own. */
export interface ApiProcess {
  url: string;
  metricsUrl: string;
  /** Kills it with SIGKILL. */
  kill(): Promise<void>;
}

/**
 * Starts the built `api/main.ts` on free ports.
 *
 * @param env - overrides environment variables, by name
 * @param clockSkewMs - how far its clock is ahead
 */
export async function startApiProcess(env: Record<string, string>, clockSkewMs = 0): Promise<ApiProcess> {
  const preloaded = clockSkewMs === 0 ? [] : ['-r', path.join(__dirname, 'skewed-clock.cjs')];
  const child = spawn(process.execPath, [...preloaded, path.join(ROOT, 'dist/api/main.js')], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      WAYBILL_KEYS: TEST_KEYS,
      WAYBILL_ADMIN_KEY: ADMIN_KEY,
      WAYBILL_HOST: '127.0.0.1',
      WAYBILL_PORT: '0',
      WAYBILL_METRICS_PORT: '0',
      CLOCK_SKEW_MS: String(clockSkewMs),
      ...env,
    },
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const said: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  const ports = await new Promise<{ port: number; metricsPort: number }>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      said.push(line);
      if (line.includes('API is listening')) resolve(JSON.parse(line));
    });
    ended.then(() => reject(new Error(`the API did not start:\n${said.join('\n')}`)), reject);
  });
  return {
    url: `http://127.0.0.1:${ports.port}`,
    metricsUrl: `http://127.0.0.1:${ports.metricsPort}`,
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
