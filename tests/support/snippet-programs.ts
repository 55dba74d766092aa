import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { freePort } from '../../infra/setup/processes/ports';
import { eventually } from './receiver';
import type { Snippet } from './snippets';

const ROOT = path.resolve(__dirname, '..', '..');
const GO_LIBRARY = 'github.com/standard-webhooks/standard-webhooks/libraries';
const GO_VERSION = 'v0.0.1';

/** A program that a page of the documentation shows, as it runs. */
export interface RunningSnippet {
  url: string;
  /** What it has printed. */
  printed(): string;
  stop(): Promise<void>;
}

/** How a snippet is run; a text says what is missing here to run it. */
export function runnerOf(snippet: Snippet): ((folder: string) => string[]) | string {
  if (snippet.language === 'js') return (folder) => runnableScript(folder, snippet.code);
  if (snippet.language === 'python') return pythonRunner(snippet.code);
  return goRunner(snippet.code);
}

/** Runs a snippet as a process of its own, in a folder where it finds our packages. */
export async function runSnippet(
  build: (folder: string) => string[],
  env: Record<string, string>,
): Promise<RunningSnippet> {
  mkdirSync(path.join(ROOT, '.waybill'), { recursive: true });
  const folder = mkdtempSync(path.join(ROOT, '.waybill', 'snippet-'));
  const port = await freePort();
  const [program = '', ...args] = build(folder);
  const child = spawn(program, args, { cwd: folder, env: { ...process.env, ...env, PORT: String(port) } });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (printed += chunk));
  const stop = () => stopped(child).finally(() => rmSync(folder, { recursive: true, force: true }));
  const url = `http://127.0.0.1:${port}/hook`;
  try {
    await eventually(
      async () => {
        if (child.exitCode !== null) throw new Error(`it ended: ${printed}`);
        return fetch(url).then(
          () => true,
          () => undefined,
        );
      },
      25_000,
      () => printed,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, printed: () => printed, stop };
}

/** A module as it is; one that only has a handler for a framework is served as a framework would. */
function runnableScript(folder: string, code: string): string[] {
  writeFileSync(path.join(folder, 'hook.mjs'), code);
  const serve = `import { serve } from '@hono/node-server';
import { POST } from './hook.mjs';
const handle = (request) => (request.method === 'POST' ? POST(request) : new Response(null, { status: 405 }));
serve({ fetch: handle, port: Number(process.env.PORT) });\n`;
  writeFileSync(path.join(folder, 'serve.mjs'), serve);
  return [process.execPath, path.join(folder, code.includes('export async function POST') ? 'serve.mjs' : 'hook.mjs')];
}

function pythonRunner(code: string): ((folder: string) => string[]) | string {
  const python = process.env.WAYBILL_TEST_PYTHON ?? 'python3';
  const modules = [...code.matchAll(/^(?:from|import) (\w+)/gm)].map(([, name = '']) => name);
  const wanted = [...new Set(modules)].join(', ');
  if (!succeeds(python, ['-c', `import ${wanted}`])) return `${python} cannot import ${wanted}`;
  return (folder) => {
    writeFileSync(path.join(folder, 'hook.py'), code);
    return [python, path.join(folder, 'hook.py')];
  };
}

function goRunner(code: string): ((folder: string) => string[]) | string {
  if (!succeeds('go', ['version'])) return 'there is no go';
  const cache = execFileSync('go', ['env', 'GOMODCACHE'], { encoding: 'utf8' }).trim();
  if (!existsSync(path.join(cache, `${GO_LIBRARY}@${GO_VERSION}`)))
    return `go has not fetched ${GO_LIBRARY}@${GO_VERSION}`;
  return (folder) => {
    writeFileSync(path.join(folder, 'main.go'), code);
    writeFileSync(path.join(folder, 'go.mod'), `module hook\n\ngo 1.22\n\nrequire ${GO_LIBRARY} ${GO_VERSION}\n`);
    const env = { ...process.env, GOFLAGS: '-mod=mod', GOPROXY: 'off', GONOSUMDB: '*' };
    const program = path.join(folder, 'hook');
    execFileSync('go', ['build', '-o', program, '.'], { cwd: folder, env, stdio: 'pipe' });
    return [program];
  };
}

function succeeds(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore', timeout: 20_000 });
    return true;
  } catch {
    return false;
  }
}

function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
