import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { findTemporal } from '../../infra/setup/servers/temporal-program';

const run = promisify(execFile);

/**
 * Runs a line of shell that calls `temporal`, as an operator would, against the tests' server.
 *
 * @returns what it prints
 * @throws with what it says when it fails, or takes longer than a minute
 */
export async function temporalCommand(line: string): Promise<string> {
  const { TEMPORAL_ADDRESS, ...env } = process.env;
  const found = await findTemporal(
    { dataDir: tmpdir(), logFolder: tmpdir(), port: undefined, env, log: () => {}, signal: undefined },
    undefined,
  );
  if (!('file' in found)) throw new Error('there is no Temporal command here');
  const PATH = `${path.dirname(found.file)}${path.delimiter}${env.PATH}`;
  const { stdout } = await run('sh', ['-c', line], { env: { ...env, PATH, TEMPORAL_ADDRESS }, timeout: 60_000 });
  return stdout;
}
