import * as fs from 'node:fs';
import path from 'node:path';
import { runCommand } from '../processes/run-command';
import { cacheFolder, homeFolder } from './cache-folder';
import type { ServerOptions } from './server';
import { TEMPORAL_VERSION } from './temporal-version';

const MODULE = `github.com/temporalio/cli/cmd/temporal@v${TEMPORAL_VERSION}`;
/** How many it compiles, for the progress shown. */
const PACKAGES = 1_320;
const BUILD_WITHIN_MS = 30 * 60_000;
const STILL_EVERY_MS = 10_000;

/**
 * Builds the Temporal CLI with Go, to a file that is there whole or not at all.
 *
 * @throws Error saying what to do instead; the signal's reason when aborted
 */
export async function buildTemporal(go: string, target: string, options: ServerOptions): Promise<void> {
  options.log(`Building the Temporal server ${TEMPORAL_VERSION} with Go; about 3 minutes, once`);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  const draft = fs.mkdtempSync(path.join(path.dirname(target), 'build-'));
  const watch = watchProgress(options.log);
  try {
    await runCommand(go, ['install', '-v', '-ldflags=-s -w', MODULE], {
      env: { ...goEnvironment(options), GOBIN: draft },
      cwd: draft,
      withinMs: BUILD_WITHIN_MS,
      signal: options.signal,
      onLine: watch.onLine,
    });
    fs.renameSync(path.join(draft, 'temporal'), target);
    options.log(`Temporal is built: ${target}`);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw new Error(
      `Temporal ${TEMPORAL_VERSION} could not be built. Put the Temporal CLI on PATH (https://docs.temporal.io/cli) or ` +
        `set TEMPORAL_ADDRESS, and start again.\n${error instanceof Error ? error.message : error}`,
      { cause: error },
    );
  } finally {
    watch.end();
    fs.rmSync(draft, { recursive: true, force: true });
  }
}

function watchProgress(log: (line: string) => void) {
  const began = Date.now();
  let fetched = 0;
  let compiled = 0;
  const still = setInterval(() => {
    const seconds = Math.round((Date.now() - began) / 1000);
    const done = compiled === 0 ? `${fetched} modules fetched` : `${compiled} of about ${PACKAGES} packages compiled`;
    log(`… still building Temporal, ${seconds} s, ${done}`);
  }, STILL_EVERY_MS);
  return {
    onLine: (line: string) => {
      if (line.startsWith('go: ')) fetched++;
      else compiled++;
    },
    end: () => clearInterval(still),
  };
}

/** Without a home Go does not know where to keep modules and what it compiled. No C compiler is needed. */
function goEnvironment(options: ServerOptions): NodeJS.ProcessEnv {
  const env = { ...options.env, CGO_ENABLED: '0' };
  const home = homeFolder(options.env);
  if (home !== undefined) return { ...env, HOME: home };
  const folder = cacheFolder(options);
  return { GOPATH: path.join(folder, 'go'), GOCACHE: path.join(folder, 'go-build'), ...env };
}
