import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { runCommand } from '../processes/run-command';
import { findProgram, isProgram } from './find-program';
import type { ServerOptions } from './server';

/** The last version that `go install` can build: later ones have replacements in their go.mod. See docs/decisions/0002. */
const VERSION = '1.5.1';
const MODULE = `github.com/temporalio/cli/cmd/temporal@v${VERSION}`;
/** How many it compiles, for whoever watches. */
const PACKAGES = 1_320;
const BUILD_WITHIN_MS = 30 * 60_000;
const STILL_EVERY_MS = 10_000;

/** How to come by a Temporal server. */
export type TemporalChoice =
  | { kind: 'given'; address: string }
  | { kind: 'program'; file: string }
  | { kind: 'build'; go: string }
  | { kind: 'none' };

/** The first that works: `TEMPORAL_ADDRESS`, `temporal` on PATH, one built before, Go to build one with. */
export function chooseTemporal(found: {
  address: string | undefined;
  find(program: string): string | undefined;
  built: readonly string[];
  works(file: string): boolean;
}): TemporalChoice {
  if (found.address) return { kind: 'given', address: found.address };
  const onPath = found.find('temporal');
  const candidates = onPath === undefined ? found.built : [onPath, ...found.built];
  const file = candidates.find(found.works);
  if (file !== undefined) return { kind: 'program', file };
  const go = found.find('go');
  return go === undefined ? { kind: 'none' } : { kind: 'build', go };
}

/**
 * The address of a server that runs, or the program to run one with; built if need be.
 *
 * @throws Error saying what to install, if there is no way
 */
export async function findTemporal(options: ServerOptions): Promise<{ address: string } | { file: string }> {
  const cached = path.join(cacheFolder(options), `temporal-${VERSION}`, 'temporal');
  const choice = chooseTemporal({
    address: options.env.TEMPORAL_ADDRESS,
    find: (program) => findProgram(program, options.env.PATH),
    built: [path.join(options.dataDir, 'bin', 'temporal'), cached],
    works: isTemporal,
  });
  switch (choice.kind) {
    case 'given':
      return { address: choice.address };
    case 'program':
      return { file: choice.file };
    case 'build':
      await build(choice.go, cached, options);
      return { file: cached };
    case 'none':
      throw new Error(
        'There is no Temporal server to be had here. Do one of these and start again:\n' +
          '  - put the Temporal CLI on PATH (https://docs.temporal.io/cli)\n' +
          `  - put Go on PATH (https://go.dev/dl, or apt-get install golang): it builds Temporal ${VERSION}, about 3 minutes once\n` +
          '  - set TEMPORAL_ADDRESS to a server that runs, such as 127.0.0.1:7233',
      );
  }
}

/** Shared by all clones of this user; in the data directory for a user without a home. */
function cacheFolder({ env, dataDir }: ServerOptions): string {
  const home = homeFolder(env);
  if (env.XDG_CACHE_HOME && path.isAbsolute(env.XDG_CACHE_HOME)) return path.join(env.XDG_CACHE_HOME, 'waybill');
  return home === undefined ? path.join(dataDir, 'cache') : path.join(home, '.cache', 'waybill');
}

/** `undefined` if the user has none, or none to write to, as in some containers. */
function homeFolder(env: NodeJS.ProcessEnv): string | undefined {
  try {
    const home = env.HOME || os.userInfo().homedir;
    fs.accessSync(home, fs.constants.W_OK);
    return path.isAbsolute(home) ? home : undefined;
  } catch {
    return undefined;
  }
}

/** Other programs are called `temporal` too, and a build may have been cut off. */
function isTemporal(file: string): boolean {
  if (!isProgram(file)) return false;
  const { status, stdout } = spawnSync(file, ['--version'], { encoding: 'utf8', timeout: 20_000 });
  return status === 0 && /^temporal version .*Server/.test(stdout);
}

async function build(go: string, target: string, options: ServerOptions): Promise<void> {
  options.log(`Building the Temporal server ${VERSION} with Go; about 3 minutes, once`);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  // Into a folder of its own, and moved when it is whole.
  const draft = fs.mkdtempSync(path.join(path.dirname(target), 'build-'));
  const began = Date.now();
  let fetched = 0;
  let compiled = 0;
  const still = setInterval(() => {
    const seconds = Math.round((Date.now() - began) / 1000);
    const done = compiled === 0 ? `${fetched} modules fetched` : `${compiled} of about ${PACKAGES} packages compiled`;
    options.log(`… still building Temporal, ${seconds} s, ${done}`);
  }, STILL_EVERY_MS);
  try {
    await runCommand(go, ['install', '-v', '-ldflags=-s -w', MODULE], {
      env: { ...goEnvironment(options), GOBIN: draft },
      cwd: draft,
      withinMs: BUILD_WITHIN_MS,
      signal: options.signal,
      onLine: (line) => {
        if (line.startsWith('go: ')) fetched++;
        else compiled++;
      },
    });
    fs.renameSync(path.join(draft, 'temporal'), target);
    options.log(`Temporal is built: ${target}`);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw new Error(
      `Temporal ${VERSION} could not be built. Put the Temporal CLI on PATH (https://docs.temporal.io/cli) or set ` +
        `TEMPORAL_ADDRESS, and start again.\n${error instanceof Error ? error.message : error}`,
      { cause: error },
    );
  } finally {
    clearInterval(still);
    fs.rmSync(draft, { recursive: true, force: true });
  }
}

/** Without a home Go does not know where to keep modules and what it compiled. No C compiler is needed. */
function goEnvironment(options: ServerOptions): NodeJS.ProcessEnv {
  const env = { ...options.env, CGO_ENABLED: '0' };
  const home = homeFolder(options.env);
  if (home !== undefined) return { ...env, HOME: home };
  const folder = cacheFolder(options);
  return { GOPATH: path.join(folder, 'go'), GOCACHE: path.join(folder, 'go-build'), ...env };
}
