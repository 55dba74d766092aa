import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import path from 'node:path';
import { newApiKey } from '../../../domains/accounts';

/** The secrets of this set-up. */
export interface Keys {
  WAYBILL_KEYS: string;
  WAYBILL_ADMIN_KEY: string;
}

export interface KeysResult {
  keys: Keys;
  file: string;
  /** Whether they were just created. */
  created: boolean;
}

/**
 * The encryption key and the administrator's API key: from the environment where it has them, else from `keys.env` in
 * the data directory, which is created once and readable only by its owner.
 *
 * @throws Error when the file lacks one of them
 */
export function loadKeys(dataDir: string, env: NodeJS.ProcessEnv): KeysResult {
  const file = path.join(dataDir, 'keys.env');
  const created = !fs.existsSync(file);
  if (created) write(file);
  const kept = Object.fromEntries(
    fs
      .readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1).trim()]),
  );
  const read = (name: keyof Keys): string => {
    const value = env[name] || kept[name];
    if (!value) throw new Error(`${file} has no ${name}: put it back, or remove ${dataDir} to begin anew`);
    return value;
  };
  return { keys: { WAYBILL_KEYS: read('WAYBILL_KEYS'), WAYBILL_ADMIN_KEY: read('WAYBILL_ADMIN_KEY') }, file, created };
}

/** Renamed into place, so that a partial file is never read. */
function write(file: string): void {
  const lines = [
    '# Made once by npm start. Without WAYBILL_KEYS the signing secrets in the database cannot be read.',
    `WAYBILL_KEYS=k1:${randomBytes(32).toString('base64')}`,
    `WAYBILL_ADMIN_KEY=${newApiKey().text}`,
  ];
  const draft = `${file}.${process.pid}`;
  fs.writeFileSync(draft, `${lines.join('\n')}\n`, { mode: 0o600 });
  fs.renameSync(draft, file);
}
