import path from 'node:path';
import { cacheFolder } from './cache-folder';
import { findProgram } from './find-program';
import type { ServerOptions } from './server';
import { buildTemporal } from './temporal-build';
import { downloadTemporal, type TemporalSource } from './temporal-download';
import { isTemporal, TEMPORAL_VERSION } from './temporal-version';

/** Where to get a Temporal server. */
export type TemporalChoice =
  | { kind: 'given'; address: string }
  | { kind: 'program'; file: string }
  /** To be downloaded, or else built, if Go is there. */
  | { kind: 'missing'; go: string | undefined };

/** The first that works: `TEMPORAL_ADDRESS`, `temporal` on PATH, one that an earlier start downloaded or built. */
export function chooseTemporal(found: {
  address: string | undefined;
  find(program: string): string | undefined;
  kept: readonly string[];
  works(file: string): boolean;
}): TemporalChoice {
  if (found.address) return { kind: 'given', address: found.address };
  const onPath = found.find('temporal');
  const candidates = onPath === undefined ? found.kept : [onPath, ...found.kept];
  const file = candidates.find(found.works);
  return file === undefined ? { kind: 'missing', go: found.find('go') } : { kind: 'program', file };
}

/**
 * The address of a running server, or the program to run one with; downloaded or built if need be.
 *
 * @param source - what to download; `undefined` for nothing
 * @throws Error saying what to install, if there is no way
 */
export async function findTemporal(
  options: ServerOptions,
  source: TemporalSource | undefined,
): Promise<{ address: string } | { file: string }> {
  const cached = path.join(cacheFolder(options), `temporal-${TEMPORAL_VERSION}`, 'temporal');
  const choice = chooseTemporal({
    address: options.env.TEMPORAL_ADDRESS,
    find: (program) => findProgram(program, options.env.PATH),
    kept: [path.join(options.dataDir, 'bin', 'temporal'), cached],
    works: isTemporal,
  });
  switch (choice.kind) {
    case 'given':
      return { address: choice.address };
    case 'program':
      return { file: choice.file };
    case 'missing':
      await obtain(choice.go, source, cached, options);
      return { file: cached };
  }
}

/** Downloads it; where that does not work, builds it. */
async function obtain(
  go: string | undefined,
  source: TemporalSource | undefined,
  target: string,
  options: ServerOptions,
): Promise<void> {
  let why = `for ${process.platform} on ${process.arch} there is no archive that can be unpacked here`;
  if (source !== undefined) {
    try {
      return await downloadTemporal(source, target, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      why = error instanceof Error ? error.message : String(error);
    }
  }
  options.log(`Temporal cannot be downloaded: ${why}`);
  if (go !== undefined) return await buildTemporal(go, target, options);
  throw new Error(
    'There is no Temporal server to be had here. Do one of these and start again:\n' +
      `  - let it be downloaded, which failed: ${why}\n` +
      '    (behind a proxy set HTTPS_PROXY; with a mirror set WAYBILL_TEMPORAL_DOWNLOAD_URL, see docs/decisions/0002)\n' +
      '  - put the Temporal CLI on PATH (https://docs.temporal.io/cli)\n' +
      `  - put Go on PATH (https://go.dev/dl, or apt-get install golang): it builds Temporal ${TEMPORAL_VERSION}, about 3 minutes once\n` +
      '  - set TEMPORAL_ADDRESS to a server that runs, such as 127.0.0.1:7233',
  );
}
