import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/**
 * A virtual environment with the tools of `requirements.txt`, in the user's cache folder: it is made once, and again when
 * the file changes. Needs Python 3.11 or later, or the one that `WAYBILL_PYTHON` names.
 *
 * @returns the folder of its programs
 */
export async function pythonTools(): Promise<string> {
  const requirements = path.join(__dirname, 'requirements.txt');
  const hash = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const cache = process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache');
  const folder = path.join(cache, 'waybill', `contract-${hash}`);
  const bin = path.join(folder, 'bin');
  const ready = path.join(folder, 'ready');
  if (existsSync(ready)) return bin;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(path.dirname(folder), { recursive: true });
  await run(process.env.WAYBILL_PYTHON || 'python3', ['-m', 'venv', folder]);
  await run(path.join(bin, 'pip'), ['install', '--quiet', '-r', requirements]);
  writeFileSync(ready, '');
  return bin;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
}

/** Runs a program. @returns what it says @throws with what it says when it fails */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const child = spawn(program, args, { cwd: options.cwd, env: { ...process.env, ...options.env } });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      said += String(chunk);
    });
  }
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`${path.basename(program)} ended with ${String(code)}: ${said}`);
  return said;
}
