import * as fs from 'node:fs';
import path from 'node:path';
import { extract } from 'tar';
import { type DownloadDeadlines, downloadFile } from './download-file';
import type { ServerOptions } from './server';
import { isTemporal, TEMPORAL_VERSION } from './temporal-version';

/** Where Temporal publishes the archives of its CLI; a mirror has the same folders and names. */
const OFFICIAL = 'https://github.com/temporalio/cli/releases/download';
/** Of the published archives, by platform: nothing else is run, whoever serves it. */
const SHA256: Readonly<Record<string, string>> = {
  linux_amd64: 'ddc95e08b0b076efd4ea9733a3f488eb7d2be875f8834e616cd2a37358b4852d',
  linux_arm64: 'bd1b0db9f18b051026de8bf6cc1505f2510f14bbb7a8b9a4a91fff46c77454f5',
  darwin_amd64: 'bbb73e2a31135abe50a1f1cdb35030c42961df618e8ce9c60ae89f201540c5d9',
  darwin_arm64: 'cca01b7ea35ad56e2a328d9ae596bf716bd22313ef63c7a761c88354457c2415',
};
const DEADLINES: DownloadDeadlines = { connectMs: 5_000, silentMs: 20_000, totalMs: 120_000 };
/** Several times the archive's size. */
const MOST_BYTES = 256 * 1024 * 1024;
const STILL_EVERY_MS = 5_000;
const MEGABYTE = 1_000_000;

/** An archive of the Temporal CLI, and how long to wait for it. */
export interface TemporalSource {
  url: string;
  sha256: string;
  deadlines: DownloadDeadlines;
}

/**
 * The archive of {@link TEMPORAL_VERSION} for a platform.
 *
 * @param env - `WAYBILL_TEMPORAL_DOWNLOAD_URL` may name a mirror: the base address of
 *   `v1.5.1/temporal_cli_1.5.1_linux_amd64.tar.gz`. It has to serve exactly what Temporal publishes.
 * @returns `undefined` where there is none that this can unpack, as on Windows, whose archive is a zip
 */
export function temporalSource(
  env: NodeJS.ProcessEnv,
  platform: string = process.platform,
  arch: string = process.arch,
): TemporalSource | undefined {
  const name = `${platform}_${arch === 'x64' ? 'amd64' : arch}`;
  const sha256 = SHA256[name];
  if (sha256 === undefined) return undefined;
  const base = (env.WAYBILL_TEMPORAL_DOWNLOAD_URL || OFFICIAL).replace(/\/+$/, '');
  const url = `${base}/v${TEMPORAL_VERSION}/temporal_cli_${TEMPORAL_VERSION}_${name}.tar.gz`;
  return { url, sha256, deadlines: DEADLINES };
}

/**
 * Downloads the Temporal CLI to a file, which is there whole or not at all.
 *
 * @throws Error whose message says in one line why it failed; the signal's reason when aborted
 */
export async function downloadTemporal(source: TemporalSource, target: string, options: ServerOptions): Promise<void> {
  const { url, sha256, deadlines } = source;
  if (!URL.canParse(url)) throw new Error(`${url} is no address`);
  options.log(`Downloading the Temporal server ${TEMPORAL_VERSION} from ${new URL(url).host}`);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  const draft = fs.mkdtempSync(path.join(path.dirname(target), 'download-'));
  const archive = path.join(draft, 'archive.tar.gz');
  const watch = watchProgress(options.log);
  try {
    const { env, signal } = options;
    const what = { url, target: archive, mostBytes: MOST_BYTES, deadlines, env, signal };
    const came = await downloadFile({ ...what, onProgress: watch.onProgress });
    if (came !== sha256) throw new Error(`what came is something else: its SHA-256 is ${came}, not ${sha256}`);
    // As root it would otherwise give the program to the user id of whoever packed it.
    await extract({ file: archive, cwd: draft, strict: true, preserveOwner: false }, ['temporal']);
    const program = path.join(draft, 'temporal');
    if (!isTemporal(program)) throw new Error('the program in the archive does not run here');
    fs.renameSync(program, target);
    options.log(`Temporal is downloaded: ${target}`);
  } finally {
    watch.end();
    fs.rmSync(draft, { recursive: true, force: true });
  }
}

function watchProgress(log: (line: string) => void) {
  const began = Date.now();
  let done = 'no answer yet';
  const still = setInterval(() => {
    log(`… still downloading Temporal, ${Math.round((Date.now() - began) / 1000)} s, ${done}`);
  }, STILL_EVERY_MS);
  return {
    onProgress: (received: number, total: number | undefined) => {
      const of = total === undefined ? '' : ` of ${Math.round(total / MEGABYTE)}`;
      done = `${Math.round(received / MEGABYTE)}${of} MB`;
    },
    end: () => clearInterval(still),
  };
}
